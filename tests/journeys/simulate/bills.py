"""What a bill consists of, and the rules of arithmetic behind it, from their statements alone.

* Period n lies between the anchor moved by n and by n + 1 rhythms in UTC; a month without the
  anchor's day has its last day instead.
* What is left of an amount is its share of the seconds, rounded half a unit away from zero.
* A percentage is rounded half a unit away from zero; an amount off is at most what there is.
"""

import calendar
import dataclasses
from datetime import UTC, datetime
from fractions import Fraction

from tests.journeys.simulate.diary import Coupon


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line: before its discount, for a stretch of time."""

    start: datetime
    end: datetime
    amount_minor: int
    discount_minor: int = 0
    seats: int = 1
    is_proration: bool = False


@dataclasses.dataclass(slots=True)
class Bill:
    """An invoice as it should be. `due_minor` is what was left to pay after the payer's credit."""

    issued_at: datetime
    lines: tuple[Line, ...]
    due_minor: int
    paid_minor: int = 0

    @property
    def discount_minor(self) -> int:
        """Return what is taken off."""
        return sum(line.discount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """Return what it comes to."""
        return sum(line.amount_minor - line.discount_minor for line in self.lines)

    @property
    def is_open(self) -> bool:
        """Say whether money is missing."""
        return self.paid_minor < self.due_minor


@dataclasses.dataclass(frozen=True, slots=True)
class Charged:
    """What was last charged for a subscription, net, and for which time."""

    net_minor: int
    start: datetime
    end: datetime
    seats: int


@dataclasses.dataclass(slots=True)
class Redeemed:
    """A coupon on a subscription."""

    coupon: Coupon
    since: datetime
    is_used: bool = False

    def off(self, amount_minor: int, at: datetime) -> int:
        """Return what it takes off an amount that is charged at a moment."""
        coupon = self.coupon
        if coupon.duration == "once" and self.is_used:
            return 0
        if coupon.duration == "repeating" and at >= moved(self.since, coupon.months):
            return 0
        if coupon.percent:
            return rounded(Fraction(amount_minor) * Fraction(coupon.percent) / 100)
        return min(coupon.amount_minor, amount_minor)


def rounded(exact: Fraction) -> int:
    """Round half a unit away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


def share(amount_minor: int, start: datetime, end: datetime, at: datetime) -> int:
    """Return the part of an amount for `start` to `end` that falls to the time after `at`."""
    left = max(end - max(at, start), end - end)
    seconds = Fraction(int(left.total_seconds()), int((end - start).total_seconds()))
    return rounded(amount_minor * seconds)


def moved(anchor: datetime, months: int) -> datetime:
    """Return a moment some months later: the same day and time, or a shorter month's last day."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.astimezone(UTC).replace(year=year, month=month + 1, day=day)
