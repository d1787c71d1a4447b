"""Cards as the gateway keeps them: created by themselves, deleted when nobody uses them."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing.drivers.base import DriverError, DriverRejected, OutcomeUnknown
from billing.drivers.cardconnect import accounts, calls, verification
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import GatewayProfile
from billing.drivers.cardconnect.outcome import Answer, code_of, text
from billing.types import CardDetails

_SAVED = ("PPS", "09")
# Deleted, or not there any more: both are what was wanted.
_GONE = (("PPS", "08"), ("PPS", "96"))
_OK = 200

logger = logging.getLogger(__name__)


def create(merchant: Merchant, token: str, card: CardDetails) -> str:
    """Have the gateway keep a verified card; return `id/account`. Repeated, it is the same one.

    Raises:
        DriverRejected, DriverUnavailable, OutcomeUnknown: as every write.
    """
    fields = {
        **verification.holder(card),
        "account": token,
        "expiry": card.expiry,
        "cofpermission": "Y",
    }
    answer = calls.save_profile(merchant, fields)
    body = answer.body
    if answer.status == _OK and isinstance(body, Mapping):
        name = verification.profile_of(body)
        if code_of(body) == _SAVED and name:
            return name
        if text(body, "respstat") == "C":
            raise DriverRejected("INVALID_REQUEST", detail=f"gateway_{text(body, 'respcode')}")
    if answer.status is None or answer.status == _OK:
        raise OutcomeUnknown("API_ERROR", detail="profile_no_answer")
    raise calls.unavailable("profile", merchant, answer)


def delete_unused(profile_id: UUID, *, now: datetime) -> bool:
    """Delete a profile at the gateway if nobody uses it; say whether it is gone.

    It counts as vanishing before the call, so that nobody begins to use it meanwhile.
    """
    with transaction.atomic():
        profile = GatewayProfile.objects.select_for_update().get(pk=profile_id)
        is_used = profile.cards.filter(detached_at=None).exists()
        if is_used or profile.unused_since is None or profile.gone_at is not None:
            return profile.gone_at is not None
        profile.gone_at = now
        profile.save(update_fields=["gone_at", "updated_at"])
    if _is_deleted(profile):
        return True
    GatewayProfile.objects.filter(pk=profile_id).update(gone_at=None, updated_at=now)
    return False


def _is_deleted(profile: GatewayProfile) -> bool:
    try:
        merchant = accounts.usable(profile.account)
        answer = calls.delete_profile(merchant, str(profile.profile))
    except DriverError as error:
        logger.warning("cardconnect.profile_kept", extra={"code": error.code})
        return False
    return _says_gone(answer)


def _says_gone(answer: Answer) -> bool:
    return (
        answer.status == _OK and isinstance(answer.body, Mapping) and code_of(answer.body) in _GONE
    )


def delete_left_over(*, now: datetime, limit: int = 50) -> int:
    """Delete what could not be deleted when its last card was removed; say how many are gone."""
    waiting = GatewayProfile.objects.filter(
        unused_since__lt=now - timedelta(minutes=5), gone_at=None
    )
    ids = list(waiting.order_by("unused_since").values_list("pk", flat=True)[:limit])
    return sum(delete_unused(profile_id, now=now) for profile_id in ids)
