"""New numbers and expiries of cards: the brands know them, and the gateway tells if it is asked."""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from billing.drivers.cardconnect import accounts, calls, cards, declines, events
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import AccountState, GatewayProfile, StoredCard
from billing.drivers.cardconnect.outcome import text

_DAYS_BACK = 7
_MOST_PAGES = 200
_FRESH_FOR = timedelta(hours=1)
_NOT_ENROLLED = "N"
_CHANGED = frozenset({"UPDATE", "EXPIRY"})
_CLOSED = "CLOSED"
_TOKEN = re.compile(r"9[0-9]{15}")
_DATE = re.compile(r"(20[0-9]{2})(0[1-9]|1[0-2])([0-9]{2})?")

logger = logging.getLogger(__name__)


def poll(merchant: Merchant, *, now: datetime) -> int:
    """Take over what the brands changed lately; say how many cards of ours that was.

    Raises:
        DriverUnavailable: the gateway can't be asked now.
    """
    news = sum(
        _take_over(merchant, update, profile, now)
        for update in _updates(merchant)
        for profile in _named(update)
    )
    AccountState.objects.filter(account_id=merchant.account_id).update(updates_read_at=now)
    return news


def changed_at(*, organization_id: UUID, method_id: str, now: datetime) -> datetime | None:
    """Return when a card's number or expiry last changed, the brands asked within the hour.

    The gateway charges a profile with the data that it keeps up to date itself: what is learned
    here is whether another try makes sense. Accounts that are not enrolled are not asked.

    Raises:
        DriverUnavailable: the gateway can't be asked now.
    """
    cards_of = StoredCard.objects.select_related("profile__account")
    card = cards_of.filter(
        organization_id=organization_id, external_id=method_id, detached_at=None
    ).first()
    if card is None:
        return None
    profile = card.profile
    state, _ = AccountState.objects.get_or_create(account=profile.account)
    is_fresh = state.updates_read_at is not None and state.updates_read_at > now - _FRESH_FOR
    if state.facts.get("acctupdater") != _NOT_ENROLLED and not is_fresh:
        poll(accounts.ready(profile.account), now=now)
        profile.refresh_from_db(fields=["data_changed_at"])
    return profile.data_changed_at


def _updates(merchant: Merchant) -> Iterator[Mapping[str, Any]]:
    for page in range(1, _MOST_PAGES + 1):
        answer = calls.updates(merchant, days=_DAYS_BACK, page=page)
        found = answer.get("updates")
        rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
        yield from rows
        pages = answer.get("totalPages")
        if not rows or not isinstance(pages, int) or page >= pages:
            return


def _named(update: Mapping[str, Any]) -> Iterator[str]:
    """Yield the profiles that an update is about, as `id/account`."""
    found = update.get("profiles")
    for row in found if isinstance(found, list) else []:
        if isinstance(row, dict) and text(row, "profileid") and text(row, "acctid"):
            yield f"{text(row, 'profileid')}/{text(row, 'acctid')}"


def _take_over(merchant: Merchant, update: Mapping[str, Any], name: str, now: datetime) -> bool:
    profile = GatewayProfile.objects.filter(
        account_id=merchant.account_id, digest=cards.digest_of(merchant, name)
    ).first()
    status = text(update, "status")
    if profile is None or (status not in _CHANGED and status != _CLOSED):
        return False
    changes = _changes(merchant, update) if status in _CHANGED else {}
    if any(getattr(profile, name) != value for name, value in changes.items()):
        # The same news comes again for days, and is news once.
        changes["data_changed_at"] = now
        GatewayProfile.objects.filter(pk=profile.pk).update(**changes, updated_at=now)
    key = f"{profile.digest[:16]}:{status}:{text(update, 'dateupdated')}"
    payers = profile.cards.filter(detached_at=None).values_list("payer_id", flat=True)
    told = [
        events.tell(
            "card.closed" if status == _CLOSED else "card.updated",
            f"{key}:{payer}",
            at=now,
            payer=payer,
        )
        for payer in payers
    ]
    return any(told)


def _changes(merchant: Merchant, update: Mapping[str, Any]) -> dict[str, Any]:
    token, expiry = text(update, "newtoken"), _DATE.fullmatch(text(update, "newexpiry"))
    changes: dict[str, Any] = {}
    if expiry:
        changes |= {"exp_year": int(expiry[1]), "exp_month": int(expiry[2])}
    if _TOKEN.fullmatch(token):
        changes |= {
            "token": token,
            "last4": token[-4:],
            "brand": declines.brand_of(token),
            "fingerprint": cards.fingerprint_of(merchant, token),
        }
    return changes
