"""Taking back what is not settled yet, and being certain that it was taken back."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import calls
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import Answer, text

VOIDED = "Voided"
DECLINED = "Declined"
# Source: the gateway's guide to transactions without an answer: three times.
_TIMES = 3
PAUSE_S = 2.0
_REVERSED = "REVERS"
_OK = 200

logger = logging.getLogger(__name__)


def void(
    merchant: Merchant, *, retref: str, reference: str, leave_by: datetime | None = None
) -> bool:
    """Take back a transaction; True only if it provably was, False if it can't be any more.

    A status of approval is not enough: "settled already" comes with one. Nothing is sent after
    `leave_by`.

    Raises:
        DriverUnavailable: whether it was can't be learned now; asking again is safe.
    """
    answer = calls.void(merchant, retref, leave_by=leave_by)
    if _says_reversed(answer):
        return True
    rows = calls.inquire_by_order(merchant, reference)
    row = next((row for row in rows if text(row, "retref") == retref), None)
    if row is None:
        raise DriverUnavailable("API_ERROR", detail="void_not_found")
    if text(row, "setlstat") == VOIDED:
        return True
    if answer.status != _OK:
        raise DriverUnavailable("API_ERROR", detail="void_no_answer")
    return False


def void_all(merchant: Merchant, reference: str) -> None:
    """Make sure that nothing more comes of a request that nobody answered.

    What became of it is asked afterwards: an answer of these calls alone decides nothing.
    """
    for number in range(_TIMES):
        if number:
            time.sleep(PAUSE_S)
        try:
            answer = calls.void_by_order(merchant, reference)
        except DriverUnavailable:
            continue
        if _says_reversed(answer):
            logger.warning("cardconnect.voided_by_order", extra={"reference": reference})


def _says_reversed(answer: Answer) -> bool:
    body: Any = answer.body
    if answer.status != _OK or not isinstance(body, Mapping):
        return False
    return text(body, "respstat") == "A" and text(body, "authcode") == _REVERSED
