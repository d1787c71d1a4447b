"""Asking a card's bank, without charging, whether the card may be kept; its holder is at hand."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from billing.drivers.base import DriverRejected
from billing.drivers.cardconnect import (
    amounts,
    calls,
    declines,
    stored_credentials,
    trouble,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import Verdict, classify, text
from billing.types import CardDetails
from orgs import references

_PROFILE = re.compile(r"[0-9]{1,20}/[0-9]{1,3}")
_UNITED_STATES = re.compile(r"[0-9]{5}(?:[0-9]{4})?")
_CANADA = re.compile(r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]")
_NO_MATCH = "N"
_MANY_SPACES = re.compile(r"\s+")

logger = logging.getLogger(__name__)


def verify(merchant: Merchant, token: str, card: CardDetails) -> Mapping[str, Any]:
    """Verify a card and have the gateway keep it; return the approval.

    The security code travels inside the token. Nothing is charged: an outcome that stays unknown
    may be asked for again, and exact duplicates are one card.

    Raises:
        DriverRejected: CARD_DECLINED, or our own request was wrong.
        DriverUnavailable, OutcomeUnknown: as every write.
    """
    fields = {
        **holder(card),
        **stored_credentials.of_verification(),
        "account": token,
        "expiry": card.expiry,
        "amount": amounts.to_wire(0, merchant.currency),
        "currency": merchant.currency,
        "orderid": references.new_reference(),
        "profile": "Y",
    }
    answer = calls.auth(merchant, fields)
    verdict = classify(0, answer)
    if verdict is Verdict.APPROVED:
        approval: Mapping[str, Any] = answer.body
        return approval
    if verdict is not Verdict.DECLINED:
        raise trouble.of_write("auth", merchant, verdict, answer)
    why = declines.explain(answer.body, declines.brand_of(token))
    if why.is_ours:
        logger.error("cardconnect.refused_as_ours", extra=calls.listed(answer.body))
        raise DriverRejected("INVALID_REQUEST", detail=f"gateway_{text(answer.body, 'respcode')}")
    raise DriverRejected("CARD_DECLINED", detail=why.word, decline_code=why.word)


def holder(card: CardDetails) -> dict[str, str]:
    """Return who holds a card as the gateway takes it: ASCII, cut to its fields.

    A postal code is read as one of the United States unless a country says otherwise; what is
    neither theirs nor Canada's is left out, since the gateway would refuse the card for it.
    """
    name = _MANY_SPACES.sub(" ", card.name.encode("ascii", "ignore").decode()).strip()
    postal = re.sub(r"[^0-9A-Z]", "", card.postal.upper())
    found = {"name": name[:30]} if name else {}
    if _UNITED_STATES.fullmatch(postal):
        return found | {"postal": postal}
    if _CANADA.fullmatch(postal):
        return found | {"postal": postal, "country": "CA"}
    return found


def profile_of(body: Mapping[str, Any]) -> str:
    """Return the profile that an approval brought, as `id/account`; empty for none."""
    name = f"{text(body, 'profileid')}/{text(body, 'acctid')}"
    return name if _PROFILE.fullmatch(name) else ""


def is_wrong_code(body: Mapping[str, Any]) -> bool:
    """Say whether the bank approved although the security code was wrong."""
    return text(body, "cvvresp") == _NO_MATCH
