"""Keeping payers' cards at the gateway, and forgetting them.

The gateway collapses exact duplicates, so that two payers can end up with one profile: it is
deleted there only once nobody uses it any more.
"""

import dataclasses
import hashlib
import logging
import re
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.drivers.cardconnect import accounts, declines, profiles, verification
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import GatewayProfile, StoredCard
from billing.types import CardDetails, PaymentMethodSnapshot
from orgs import clock

_TOKEN = re.compile(r"9[0-9]{15}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])([0-9]{2})")
_PREFIX = "cc_pm_"
# As long as a deletion may take: until then a profile can't be told from one about to vanish.
_VANISHING = timedelta(seconds=120)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class NewCard:
    """A card that a payer entered, checked for its form."""

    token: str = dataclasses.field(repr=False)
    card: CardDetails

    @property
    def month(self) -> int:
        """Return its last month, 1 to 12."""
        return int(self.card.expiry[:2])

    @property
    def year(self) -> int:
        """Return its last year."""
        return 2000 + int(self.card.expiry[2:])


def save_method(
    *,
    organization_id: UUID,
    payer_id: str,
    payment_method: str,
    card: CardDetails | None,
    idempotency_key: str,
) -> PaymentMethodSnapshot:
    """Keep a card of a payer for later; the same key again is the same card.

    Raises:
        DriverRejected: CARD_DECLINED; INVALID_REQUEST for what is no token, or not the payer's.
    """
    known = _known(organization_id, payer_id, payment_method, idempotency_key)
    if known is not None:
        return snapshot_of(known)
    new = _checked(payment_method, card)
    account = accounts.of_payer(payer_id)
    merchant = accounts.ready(account)
    body = verification.verify(merchant, new.token, new.card)
    name = verification.profile_of(body) or profiles.create(merchant, new.token, new.card)
    row = StoredCard(
        organization_id=organization_id,
        payer_id=payer_id,
        external_id=f"{_PREFIX}{uuid.uuid4().hex}",
        idempotency_key=idempotency_key,
    )
    stored = _store(row, merchant, name, new)
    if verification.is_wrong_code(body):
        forget_method(stored.external_id)
        raise DriverRejected("CARD_DECLINED", detail="cvv", decline_code="incorrect_cvc")
    return snapshot_of(stored)


def _known(
    organization_id: UUID, payer_id: str, payment_method: str, idempotency_key: str
) -> StoredCard | None:
    """Return the card that a key already brought, or that is named by our own id.

    Raises:
        DriverRejected: our id names a card of somebody else.
    """
    cards = StoredCard.objects.select_related("profile").filter(
        organization_id=organization_id, payer_id=payer_id, detached_at=None
    )
    if not payment_method.startswith(_PREFIX):
        return cards.filter(idempotency_key=idempotency_key).first()
    card = cards.filter(external_id=payment_method).first()
    if card is None:
        raise DriverRejected("INVALID_REQUEST", detail="no_such_method")
    return card


def _checked(token: str, card: CardDetails | None) -> NewCard:
    """Refuse whatever is not a token: a card number above all, which must never get here."""
    if not _TOKEN.fullmatch(token):
        raise DriverRejected("INVALID_REQUEST", detail="payment_method")
    if card is None or not _EXPIRY.fullmatch(card.expiry):
        raise DriverRejected("INVALID_REQUEST", detail="card.expiry")
    return NewCard(token, card)


def _store(row: StoredCard, merchant: Merchant, name: str, new: NewCard) -> StoredCard:
    digest = digest_of(merchant, name)
    with transaction.atomic():
        GatewayProfile.objects.get_or_create(
            account_id=merchant.account_id, digest=digest, defaults=_columns(merchant, name, new)
        )
        profile = GatewayProfile.objects.select_for_update().get(
            account_id=merchant.account_id, digest=digest
        )
        _revive(profile)
        known = StoredCard.objects.select_related("profile").filter(
            payer_id=row.payer_id, profile=profile, detached_at=None
        )
        existing = known.first()
        if existing is not None:
            return existing
        row.profile = profile
        row.save(force_insert=True)
    return row


def _columns(merchant: Merchant, name: str, new: NewCard) -> dict[str, Any]:
    return {
        "profile": name,
        "token": new.token,
        "fingerprint": fingerprint_of(merchant, new.token),
        "brand": declines.brand_of(new.token),
        "last4": new.token[-4:],
        "exp_month": new.month,
        "exp_year": new.year,
    }


def digest_of(merchant: Merchant, name: str) -> str:
    """Return what tells a profile (`id/account`) without naming it."""
    return hashlib.sha256(f"{merchant.account_id}:{name}".encode()).hexdigest()


def fingerprint_of(merchant: Merchant, token: str) -> str:
    """Return what is the same for the same card of a site, and tells nothing else of it."""
    secret = f"{merchant.mode}:{merchant.site}:{token}"
    return salted_hmac("cardconnect.card", secret, algorithm="sha256").hexdigest()


def _revive(profile: GatewayProfile) -> None:
    """Use a profile again that was about to be deleted; the caller has locked it.

    Raises:
        DriverUnavailable: its deletion may be under way: in a moment there will be a new one.
    """
    if profile.gone_at and clock.now() - profile.gone_at < _VANISHING:
        raise DriverUnavailable("API_ERROR", detail="profile_vanishing", retry_after=120)
    if profile.unused_since or profile.gone_at:
        profile.unused_since = profile.gone_at = None
        profile.save(update_fields=["unused_since", "gone_at", "updated_at"])


def methods_of(*, organization_id: UUID, payer_id: str) -> list[PaymentMethodSnapshot]:
    """Return what a payer can pay with, the newest first."""
    cards = StoredCard.objects.select_related("profile").filter(
        organization_id=organization_id, payer_id=payer_id, detached_at=None
    )
    return [snapshot_of(card) for card in cards.order_by("-created_at")]


def forget_method(method_id: str) -> None:
    """Forget a card, for good. What the gateway could not delete now is deleted later."""
    now = clock.now()
    with transaction.atomic():
        card = StoredCard.objects.filter(external_id=method_id, detached_at=None).first()
        if card is None:
            return
        profile = GatewayProfile.objects.select_for_update().get(pk=card.profile_id)
        StoredCard.objects.filter(pk=card.pk).update(detached_at=now, updated_at=now)
        if not profile.cards.filter(detached_at=None).exists():
            profile.unused_since = now
            profile.save(update_fields=["unused_since", "updated_at"])
    if profile.unused_since:
        profiles.delete_unused(profile.pk, now=now)


def snapshot_of(card: StoredCard) -> PaymentMethodSnapshot:
    """Return a card as the rest of Till sees it."""
    profile = card.profile
    return PaymentMethodSnapshot(
        external_id=card.external_id,
        kind="card",
        brand=profile.brand,
        last4=profile.last4,
        exp_month=profile.exp_month,
        exp_year=profile.exp_year,
        fingerprint=profile.fingerprint,
    )
