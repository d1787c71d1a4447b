"""What the terminal service says of a payment: pure, and on the safe side.

An error may carry the payment that it came too late for: so `authResponse` is judged before any
error code. Codes are fixed, their texts may change: no text decides anything about money.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from billing.drivers.cardconnect import outcome, voiding
from billing.drivers.cardconnect.outcome import Answer, Verdict, order_of, text

NOT_CONNECTED, IN_USE, CANCELED, MERCHANT_MODE, VOIDED = 6, 7, 8, 9, 900
GENERIC = 1
_PAYMENT = "authResponse"
_OK = 200
_NOTHING: Mapping[str, Any] = {}


class Fate(StrEnum):
    """What became of asking a reader for a payment."""

    APPROVED = "approved"
    UNWANTED = "unwanted"
    """Approved although its till had asked to cancel: to be taken back."""
    OTHER_AMOUNT = "other_amount"
    """Approved for more or for less than was asked: to be taken back."""
    VOIDED = "voided"
    """Approved, and taken back by the service itself."""
    DECLINED = "declined"
    CANCELED = "canceled"
    """Ended before a card was charged, as far as the reader knows."""
    BUSY = "busy"
    """Not started: somebody else has the reader."""
    REFUSED = "refused"
    """Not started: our request, our key or the reader's account is wrong, or too many requests."""
    UNKNOWN = "unknown"


def classify(asked_minor: int, reference: str, answer: Answer, *, is_unwanted: bool) -> Fate:
    """Say what became of asking for `asked_minor` cents under our reference.

    `is_unwanted`: its till asked to cancel.
    """
    code = error_code(answer)
    body = answer.body if isinstance(answer.body, dict) else {}
    if _PAYMENT in body or (answer.status == _OK and code is None):
        return _of_payment(asked_minor, reference, answer, code, is_unwanted=is_unwanted)
    if code in {IN_USE, MERCHANT_MODE}:
        return Fate.BUSY
    if code == CANCELED:
        return Fate.CANCELED
    verdict = outcome.classify(asked_minor, answer)
    return Fate.REFUSED if verdict in {Verdict.CONFIG, Verdict.THROTTLED} else Fate.UNKNOWN


def _of_payment(
    asked_minor: int, reference: str, answer: Answer, code: int | None, *, is_unwanted: bool
) -> Fate:
    payment = payment_of(answer)
    if order_of(payment) not in {"", reference}:
        return Fate.UNKNOWN  # whatever this is, it is not what we asked for
    match outcome.classify(asked_minor, Answer(_OK, body=payment)):
        case Verdict.DECLINED:
            return Fate.DECLINED
        case Verdict.APPROVED | Verdict.PARTIAL | Verdict.SURCHARGED if _is_over(payment, code):
            return Fate.VOIDED
        case Verdict.APPROVED:
            return Fate.UNWANTED if is_unwanted else Fate.APPROVED
        case Verdict.PARTIAL | Verdict.SURCHARGED:
            return Fate.OTHER_AMOUNT
        case _:
            return Fate.UNKNOWN


def _is_over(payment: Mapping[str, Any], code: int | None) -> bool:
    """Say whether an approval is none any more: a service that lost an answer shows an inquiry."""
    return code == VOIDED or text(payment, "setlstat") in {voiding.VOIDED, voiding.DECLINED}


def payment_of(answer: Answer) -> Mapping[str, Any]:
    """Return the payment in an answer, or in an error that came too late for it."""
    body = answer.body if isinstance(answer.body, dict) else _NOTHING
    found = body.get(_PAYMENT, body)
    return found if isinstance(found, dict) else _NOTHING


def error_code(answer: Answer) -> int | None:
    """Return the service's own error code; None where there is none."""
    body = answer.body if isinstance(answer.body, dict) else _NOTHING
    code = body.get("errorCode")
    if isinstance(code, str) and code.strip().isdecimal():
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None
