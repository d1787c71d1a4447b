"""What the gateway has under one of our references, and what of it counts."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect import calls, codes, voiding
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import code_of, is_absent, is_ambiguous, text

Row = Mapping[str, Any]
_Fate = Literal["approved", "over", "open"]


def rows_of(merchant: Merchant, reference: str) -> list[Row]:
    """Return the transactions under our reference, the newest last.

    Raises:
        DriverUnavailable: nobody answered.
    """
    rows = calls.inquire_by_order(merchant, reference)
    found = [row for row in rows if not is_absent(row)]
    return sorted(found, key=lambda row: (text(row, "capturedate"), text(row, "retref")))


def approvals_of(rows: Sequence[Row]) -> list[Row]:
    """Return those of them that hold or took money, the newest last.

    Raises:
        OutcomeUnknown: it can't be said of one of them yet.
    """
    fates = [(row, _fate(row)) for row in rows]
    if any(fate == "open" for _, fate in fates):
        raise OutcomeUnknown("API_ERROR", detail="undecided")
    return [row for row, fate in fates if fate == "approved"]


def _fate(row: Row) -> _Fate:
    """Say what became of one transaction."""
    state = text(row, "setlstat")
    if state in {voiding.VOIDED, voiding.DECLINED}:
        return "over"
    if text(row, "respstat").upper() == "A":
        # Listed as an approval, and what the gateway holds of it says so too.
        is_sure = codes.approves_payment(*code_of(row)) and bool(text(row, "retref"))
        return "approved" if is_sure else "open"
    is_refusal = text(row, "respstat").upper() == "C" and not is_ambiguous(row)
    return "over" if is_refusal else "open"
