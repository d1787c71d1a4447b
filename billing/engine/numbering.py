"""Invoice numbers without gaps: their form, and the rule by which one follows another.

A seller has one series per kind of paper. Numbers are given when an invoice is finalized, in the
very transaction that does so and under the lock of the series' row: a rollback gives its number
back, so none is missing and none comes twice. Drafts have no number; an invoice that is voided
keeps its own.
"""

import dataclasses
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

_PREFIX = re.compile(r"[A-Z0-9]{1,12}")
_MOST_DIGITS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class NumberForm:
    """How a seller's numbers look: `TILL-2026-000042`, or without years `TILL-000042`.

    Where numbers start again each year, the year is the one of the seller's own calendar.
    """

    prefix: str
    digits: int = 6
    restarts: Literal["never", "yearly"] = "never"
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a form whose numbers could be mistaken for each other.

        Raises:
            ValueError: not 1 to 12 capital letters and digits, or not 1 to 12 digits.
            zoneinfo.ZoneInfoNotFoundError: there is no such zone.
        """
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"a prefix is 1 to 12 capital letters and digits: {self.prefix!r}")
        if not 1 <= self.digits <= _MOST_DIGITS:
            raise ValueError(f"a number has 1 to {_MOST_DIGITS} digits: {self.digits}")
        ZoneInfo(self.zone)


def series_of(form: NumberForm, issued_at: datetime) -> str:
    """Return the name of the count an invoice of this moment is in: one row, one lock each."""
    if form.restarts == "never":
        return form.prefix
    return f"{form.prefix}-{issued_at.astimezone(ZoneInfo(form.zone)).year}"


def number(form: NumberForm, issued_at: datetime, count: int) -> str:
    """Return the number of the `count`-th invoice of its series (the first one is 1).

    Counts that have outgrown their digits simply get longer.

    Raises:
        ValueError: the count is below 1.
    """
    if count < 1:
        raise ValueError(f"numbers begin at 1: {count}")
    return f"{series_of(form, issued_at)}-{count:0{form.digits}}"


def count_of(text: str) -> tuple[str, int]:
    """Return the series and the count of a number.

    Raises:
        ValueError: it is not a number of this kind.
    """
    series, dash, count = text.rpartition("-")
    if not dash or not series or not count.isascii() or not count.isdigit() or not int(count):
        raise ValueError(f"not an invoice number: {text!r}")
    return series, int(count)


def missing(numbers: Iterable[str]) -> dict[str, list[int]]:
    """Return the counts that no number has, up to the highest one, by series; only real gaps."""
    seen: dict[str, set[int]] = {}
    for text in numbers:
        series, count = count_of(text)
        seen.setdefault(series, set()).add(count)
    gaps = {series: sorted(set(range(1, max(had))) - had) for series, had in seen.items()}
    return {series: counts for series, counts in gaps.items() if counts}
