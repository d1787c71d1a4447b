"""Anchored billing periods: half-open, in UTC, each one reckoned from the anchor alone.

Period n lies between the anchor moved by n and by n + 1 intervals, never "a month after the last
one": 31 January, 28 February, 31 March. Whole months keep the anchor's day and time of day as a
clock in the anchor's time zone shows them, or the last day of a shorter month. A time of day that a
change of clocks skips is taken as late as it was skipped; one that comes twice is the first of the
two. Periods begin and end at whole seconds.
"""

import calendar
import dataclasses
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.enums import Interval

_MONTHS = {Interval.MONTH: 1, Interval.YEAR: 12}
_MONTHS_OF_A_YEAR = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """The time from `start` up to but without `end`, both UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what is no stretch of time.

        Raises:
            ValueError: it has no length, or one of its ends is not a whole second in UTC.
        """
        if self.start >= self.end:
            raise ValueError(f"a period ends after it starts: {self.start} to {self.end}")
        for moment in (self.start, self.end):
            if moment.utcoffset() != timedelta(0) or moment.microsecond:
                raise ValueError(f"not a whole second in UTC: {moment}")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def seconds(self) -> int:
        """Return how long it is."""
        return int((self.end - self.start).total_seconds())

    def seconds_after(self, moment: datetime) -> int:
        """Return how much of it is left at a moment: all of it before, nothing once it is over.

        The second that has begun counts as left.
        """
        left = self.end - max(whole_second(moment), self.start)
        return max(int(left.total_seconds()), 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a period begins: every `count` intervals."""

    interval: Interval
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a rhythm that stands still.

        Raises:
            ValueError: the count is below 1.
        """
        if self.count < 1:
            raise ValueError(f"a rhythm has at least one interval: {self.count}")

    @property
    def months(self) -> int:
        """Return how many months one period has."""
        return _MONTHS[Interval(self.interval)] * self.count


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """The moment all periods are counted from, and the time zone whose calendar counts."""

    at: datetime
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Keep the moment in UTC, to the second.

        Raises:
            ValueError: the moment has no time zone.
            zoneinfo.ZoneInfoNotFoundError: there is no such zone.
        """
        if self.at.tzinfo is None:
            raise ValueError("an anchor needs a time zone")
        ZoneInfo(self.zone)
        object.__setattr__(self, "at", whole_second(self.at))


def whole_second(moment: datetime) -> datetime:
    """Return a moment in UTC without the part of its second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def boundary(anchor: Anchor, rhythm: Rhythm, number: int) -> datetime:
    """Return the moment at which period `number` begins; the anchor itself is number 0."""
    if number == 0:  # also the second of two equal clock times, which could not be found again
        return anchor.at
    local = anchor.at.astimezone(ZoneInfo(anchor.zone))
    months = local.year * _MONTHS_OF_A_YEAR + local.month - 1 + rhythm.months * number
    year, month = divmod(months, _MONTHS_OF_A_YEAR)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def period(anchor: Anchor, rhythm: Rhythm, number: int) -> Period:
    """Return period `number`, counted from 0 at the anchor; before it the numbers are negative."""
    return Period(boundary(anchor, rhythm, number), boundary(anchor, rhythm, number + 1))


def number_at(anchor: Anchor, rhythm: Rhythm, moment: datetime) -> int:
    """Return the number of the period in which a moment lies."""
    guess = _months_between(anchor.at, moment) // rhythm.months
    while boundary(anchor, rhythm, guess) > moment:
        guess -= 1
    while boundary(anchor, rhythm, guess + 1) <= moment:
        guess += 1
    return guess


def period_at(anchor: Anchor, rhythm: Rhythm, moment: datetime) -> Period:
    """Return the period in which a moment lies."""
    return period(anchor, rhythm, number_at(anchor, rhythm, moment))


def is_boundary(anchor: Anchor, rhythm: Rhythm, moment: datetime) -> bool:
    """Say whether a period begins at a moment."""
    return period_at(anchor, rhythm, moment).start == moment


def months_after(moment: datetime, months: int, *, zone: str = "UTC") -> datetime:
    """Return the moment some months later, as periods are counted."""
    if months == 0:
        return whole_second(moment)
    return boundary(Anchor(moment, zone), Rhythm(Interval.MONTH), months)


def _months_between(start: datetime, end: datetime) -> int:
    return (end.year - start.year) * _MONTHS_OF_A_YEAR + end.month - start.month
