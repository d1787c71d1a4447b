"""What answers of the terminal service mean: a payment first, then the error code, then nothing."""

from typing import Any

import pytest

from billing.drivers.cardconnect.outcome import Answer
from billing.drivers.cardconnect.terminals.answers import Fate, classify, error_code, payment_of

REFERENCE = "KQWZBTRNLMXCVFGHJD"
APPROVAL = {
    "respstat": "A",
    "respcode": "00",
    "respproc": "FNOR",
    "retref": "173006146691",
    "amount": "49.00",
    "orderId": REFERENCE,
}
DECLINE = {**APPROVAL, "respstat": "C", "respcode": "05", "amount": "0.00"}
RETRY = {**APPROVAL, "respstat": "B", "respcode": "62", "respproc": "PPS"}
PART = {**APPROVAL, "respcode": "10", "amount": "5.00"}
MORE = {**APPROVAL, "amount": "50.00"}
VOIDED = {**APPROVAL, "setlstat": "Voided", "amount": "49.00"}
INQUIRED = {**APPROVAL, "setlstat": "Queued for Capture"}
OTHERS = {**APPROVAL, "orderId": "BCDFGHJKLMNPQRSTVW"}


def error(code: Any, payment: Any = None, text: str = "Terminal error") -> dict[str, Any]:
    """Return an error's body."""
    body = {"errorCode": code, "errorMessage": text}
    return body if payment is None else {**body, "authResponse": payment}


TABLE = [
    # What the card's bank said.
    ("approved", 200, APPROVAL, Fate.APPROVED),
    ("declined", 200, DECLINE, Fate.DECLINED),
    ("retry", 200, RETRY, Fate.UNKNOWN),
    ("a part", 200, PART, Fate.OTHER_AMOUNT),
    ("more", 200, MORE, Fate.OTHER_AMOUNT),
    ("found by inquiry", 200, INQUIRED, Fate.APPROVED),
    ("found voided", 200, VOIDED, Fate.VOIDED),
    ("somebody else's", 200, OTHERS, Fate.UNKNOWN),
    ("no retref", 200, {**APPROVAL, "retref": ""}, Fate.UNKNOWN),
    ("no status", 200, {**APPROVAL, "respstat": ""}, Fate.UNKNOWN),
    ("no JSON", 200, "OK", Fate.UNKNOWN),
    ("nothing", 200, None, Fate.UNKNOWN),
    ("several", 200, [APPROVAL, APPROVAL], Fate.UNKNOWN),
    # A payment in an error counts before its code.
    ("unplugged after it", 500, error(1, APPROVAL), Fate.APPROVED),
    ("unplugged after a decline", 500, error(1, DECLINE), Fate.DECLINED),
    ("canceled too late", 500, error(8, APPROVAL), Fate.APPROVED),
    ("canceled after a decline", 500, error(8, DECLINE), Fate.DECLINED),
    ("canceled too late, a part", 500, error(8, PART), Fate.OTHER_AMOUNT),
    ("canceled, nobody knows", 500, error(8, RETRY), Fate.UNKNOWN),
    ("voided by the reader", 500, error(900, APPROVAL), Fate.VOIDED),
    ("voided, a part", 500, error(900, PART), Fate.VOIDED),
    ("not printed", 500, error(800, APPROVAL), Fate.APPROVED),
    ("busy, but paid", 500, error(7, APPROVAL), Fate.APPROVED),
    ("refused, but paid", 400, error(3, APPROVAL), Fate.APPROVED),
    ("a payment that is none", 500, error(8, "A"), Fate.UNKNOWN),
    ("a payment without content", 500, error(1, {}), Fate.UNKNOWN),
    # Codes alone.
    ("timed out", 500, error(1, text="Terminal request timed out"), Fate.UNKNOWN),
    ("session gone", 500, error(1, text="Session key was not valid"), Fate.UNKNOWN),
    ("not connected", 500, error(6), Fate.UNKNOWN),
    ("code 10", 500, error(10), Fate.UNKNOWN),
    ("no signature", 500, error(700), Fate.UNKNOWN),
    ("not printed, nothing said", 500, error(800), Fate.UNKNOWN),
    ("voided, nothing said", 500, error(900), Fate.UNKNOWN),
    ("canceled", 500, error(8), Fate.CANCELED),
    ("canceled, a text for a code", 500, error("8"), Fate.CANCELED),
    ("in use", 500, error(7), Fate.BUSY),
    ("in use, by another status", 409, error(7), Fate.BUSY),
    ("in use, a bad request", 400, error(7), Fate.BUSY),
    ("merchant mode", 500, error(9), Fate.BUSY),
    ("a code and a 200", 200, error(7), Fate.BUSY),
    ("an unknown code and a 200", 200, error(77), Fate.UNKNOWN),
    # Statuses alone.
    ("invalid", 400, error(3), Fate.REFUSED),
    ("missing", 400, error(4), Fate.REFUSED),
    ("no key", 401, None, Fate.REFUSED),
    ("not its reader", 403, None, Fate.REFUSED),
    ("no such path", 404, None, Fate.REFUSED),
    ("server error", 500, None, Fate.UNKNOWN),
    ("bad gateway", 502, "<html>", Fate.UNKNOWN),
    ("timed out above", 408, None, Fate.UNKNOWN),
    ("redirected", 302, None, Fate.UNKNOWN),
    ("too many, no word when", 429, None, Fate.UNKNOWN),
    ("lost", None, None, Fate.UNKNOWN),
]


@pytest.mark.parametrize(
    ("status", "body", "fate"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_an_answer_means(status: int | None, body: Any, fate: Fate) -> None:
    answer = Answer(status, body=body)

    assert classify(4900, REFERENCE, answer, is_unwanted=False) is fate


@pytest.mark.parametrize(
    ("status", "body", "fate"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_of_a_payment_that_nobody_wants_only_approvals_differ(
    status: int | None, body: Any, fate: Fate
) -> None:
    answer = Answer(status, body=body)

    found = classify(4900, REFERENCE, answer, is_unwanted=True)

    assert found is (Fate.UNWANTED if fate is Fate.APPROVED else fate)


def test_who_is_told_when_to_come_back_was_not_served() -> None:
    answer = Answer(429, {"x-rate-limit-retry-after-seconds": "7"})

    assert classify(4900, REFERENCE, answer, is_unwanted=False) is Fate.REFUSED


@pytest.mark.parametrize("code", [True, 1.5, None, "", "eight", [8]])
def test_what_is_no_code_is_none(code: Any) -> None:
    assert error_code(Answer(500, body={"errorCode": code})) is None


def test_a_payment_that_is_none_has_no_fields() -> None:
    assert payment_of(Answer(500, body={"authResponse": "A", "respstat": "A"})) == {}
    assert payment_of(Answer(200, body=[APPROVAL])) == {}
