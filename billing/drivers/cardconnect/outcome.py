"""What an answer of the gateway means: pure, and on the safe side.

Only `respstat` decides, and only together with a code that is on the gateway's own list; whatever
can't be read for certain is unknown, never declined and never paid.
Source: the gateway's developer guide, "Handling Timed-Out Transactions", and its response codes.
"""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.drivers.cardconnect import amounts, codes

_OK = 200
_THROTTLED = 429
_NOT_PROCESSED = frozenset({400, 401, 403, 404})
RETRY_HEADER = "x-rate-limit-retry-after-seconds"

# Declines that don't say whether the processor had it: a bad or lost answer, a duplicate.
_AMBIGUOUS = frozenset(
    {
        ("PPS", "36"),
        ("PPS", "63"),
        ("PPS", "65"),
        ("PPS", "66"),
        ("FNOR", "94"),
        ("NASH", "94"),
        ("RPCT", "385"),
        ("RPCT", "913"),
        ("RPCT", "923"),
        ("PMT", "234"),
    }
)
_NOT_FOUND = ("PPS", "29")


class Verdict(StrEnum):
    """What came of a request that should move money."""

    APPROVED = "approved"
    PARTIAL = "partial"
    """Approved for less than was asked."""
    SURCHARGED = "surcharged"
    """Approved for more than was asked."""
    DECLINED = "declined"
    UNKNOWN = "unknown"
    THROTTLED = "throttled"
    """Not processed: too many requests."""
    CONFIG = "config"
    """Not processed: our request, our account or our credentials are wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the gateway; `status` None when there was none. Never printed."""

    status: int | None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: Any = dataclasses.field(default=None, repr=False)


def classify(asked_minor: int, answer: Answer) -> Verdict:
    """Say what came of a request over `asked_minor` cents."""
    if answer.status == _THROTTLED:
        # Only the limiter says when to come back; another 429 may come after the charge.
        return Verdict.THROTTLED if RETRY_HEADER in answer.headers else Verdict.UNKNOWN
    if answer.status in _NOT_PROCESSED:
        return Verdict.CONFIG
    if answer.status != _OK or not isinstance(answer.body, dict):
        return Verdict.UNKNOWN
    match text(answer.body, "respstat").upper():
        case "A":
            return _approved(asked_minor, answer.body)
        case "C":
            return Verdict.UNKNOWN if is_ambiguous(answer.body) else Verdict.DECLINED
        case _:
            # "Retry" included: resent unchanged, it could be charged twice.
            return Verdict.UNKNOWN


def _approved(asked_minor: int, body: Mapping[str, Any]) -> Verdict:
    cents = amounts.from_wire(body.get("amount"))
    if not text(body, "retref") or cents is None or not codes.approves_payment(*code_of(body)):
        return Verdict.UNKNOWN
    if cents == asked_minor:
        return Verdict.APPROVED
    return Verdict.PARTIAL if cents < asked_minor else Verdict.SURCHARGED


def code_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return (processor, code); on declines the processor may go by its other name."""
    return text(body, "respproc") or text(body, "cardproc"), text(body, "respcode")


def is_ambiguous(body: Mapping[str, Any]) -> bool:
    """Say whether a refusal does not tell if the payment was made."""
    return code_of(body) in _AMBIGUOUS


def is_absent(body: Mapping[str, Any]) -> bool:
    """Say whether an inquiry was answered with "no such transaction".

    A found decline also has the status C: only this one code means that there is none.
    """
    return code_of(body) == _NOT_FOUND


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a field as text without blanks; empty for one that is missing or no text."""
    value = body.get(name)
    return value.strip() if isinstance(value, str) else ""


def order_of(body: Mapping[str, Any]) -> str:
    """Return our order id; the gateway spells its field in two ways."""
    return text(body, "orderid") or text(body, "orderId")
