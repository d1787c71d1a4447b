"""New numbers and expiries of cards: the brands know them, and the gateway tells if it is asked."""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.drivers.cardconnect import calls, cards, declines, events
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import GatewayProfile
from billing.drivers.cardconnect.outcome import text

_DAYS_BACK = 7
_MOST_PAGES = 200
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
    return sum(
        _take_over(merchant, update, profile, now)
        for update in _updates(merchant)
        for profile in _named(update)
    )


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
    if changes:
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
