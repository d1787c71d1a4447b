"""Anchored periods: where they begin, and that they never leave a gap."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine.periods import (
    Anchor,
    Period,
    Rhythm,
    boundary,
    is_boundary,
    months_after,
    number_at,
    period,
    period_at,
)
from billing.enums import Interval
from tests.billing.engine import strategies

MONTHLY, YEARLY = Rhythm(Interval.MONTH), Rhythm(Interval.YEAR)
numbers = st.integers(min_value=-60, max_value=60)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(anchor: str, rhythm: Rhythm, count: int) -> list[str]:
    found = [boundary(Anchor(at(anchor)), rhythm, number) for number in range(count)]
    return [f"{moment:%Y-%m-%d}" for moment in found]


class TestPeriod:
    def test_it_begins_with_its_start_and_ends_before_its_end(self) -> None:
        found = Period(at("2026-01-01"), at("2026-02-01"))

        assert at("2026-01-01") in found
        assert at("2026-01-31T23:59:59.999999") in found
        assert at("2026-02-01") not in found
        assert at("2025-12-31T23:59:59") not in found

    def test_what_is_left_of_it_counts_whole_seconds(self) -> None:
        found = Period(at("2026-01-01T00:00:00"), at("2026-01-01T00:00:10"))

        assert found.seconds_after(at("2025-12-31")) == 10
        assert found.seconds_after(at("2026-01-01T00:00:03")) == 7
        assert found.seconds_after(at("2026-01-01T00:00:03.900000")) == 7
        assert found.seconds_after(at("2026-01-02")) == 0

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (at("2026-01-01"), at("2026-01-01")),
            (at("2026-01-02"), at("2026-01-01")),
            (at("2026-01-01T00:00:00.5"), at("2026-01-02")),
            (datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), at("2026-02-01")),
        ],
        ids=["empty", "backwards", "half a second", "not in UTC"],
    )
    def test_what_is_no_stretch_of_whole_seconds_is_refused(
        self, start: datetime, end: datetime
    ) -> None:
        with pytest.raises(ValueError, match=r"period|second"):
            Period(start, end)


class TestRhythm:
    def test_it_has_at_least_one_interval(self) -> None:
        with pytest.raises(ValueError, match="at least one interval"):
            Rhythm(Interval.MONTH, 0)


class TestAnchor:
    def test_it_is_kept_in_utc_to_the_second(self) -> None:
        moment = datetime(2026, 1, 1, 1, 30, 15, 999, tzinfo=ZoneInfo("Europe/Berlin"))

        assert Anchor(moment).at == at("2026-01-01T00:30:15")

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="needs a time zone"):
            Anchor(datetime(2026, 1, 1))  # noqa: DTZ001 - the very mistake

    def test_an_unknown_zone_is_refused(self) -> None:
        with pytest.raises(ZoneInfoNotFoundError):
            Anchor(at("2026-01-01"), "Europe/Atlantis")


class TestBoundary:
    def test_the_last_of_a_month_comes_back_after_a_shorter_one(self) -> None:
        assert days("2026-01-31", MONTHLY, 6) == [
            "2026-01-31",
            "2026-02-28",
            "2026-03-31",
            "2026-04-30",
            "2026-05-31",
            "2026-06-30",
        ]

    def test_february_has_its_29th_in_a_leap_year(self) -> None:
        assert days("2028-01-30", MONTHLY, 3) == ["2028-01-30", "2028-02-29", "2028-03-30"]

    def test_a_year_from_the_29th_of_february_waits_for_the_next_leap_year(self) -> None:
        assert days("2028-02-29", YEARLY, 5) == [
            "2028-02-29",
            "2029-02-28",
            "2030-02-28",
            "2031-02-28",
            "2032-02-29",
        ]

    def test_a_century_without_leap_year_is_known(self) -> None:
        assert days("2096-02-29", Rhythm(Interval.YEAR, 4), 2) == ["2096-02-29", "2100-02-28"]

    def test_quarters_keep_the_day_as_well(self) -> None:
        assert days("2025-11-30", Rhythm(Interval.MONTH, 3), 3) == [
            "2025-11-30",
            "2026-02-28",
            "2026-05-30",
        ]

    def test_numbers_below_zero_lie_before_the_anchor(self) -> None:
        assert boundary(Anchor(at("2026-03-31")), MONTHLY, -1) == at("2026-02-28")

    def test_the_clock_on_the_wall_stays_where_clocks_change(self) -> None:
        anchor = Anchor(at("2026-02-10T14:00:00"), "America/New_York")

        assert boundary(anchor, MONTHLY, 1) == at("2026-03-10T13:00:00")

    def test_the_day_is_the_one_of_the_anchors_own_calendar(self) -> None:
        last_of_january_in_new_york = at("2026-02-01T03:00:00")
        anchor = Anchor(last_of_january_in_new_york, "America/New_York")

        assert boundary(anchor, MONTHLY, 1) == at("2026-03-01T03:00:00")  # 28 February there
        assert boundary(anchor, MONTHLY, 2) == at("2026-04-01T02:00:00")  # 31 March

    def test_a_time_that_is_skipped_is_taken_as_much_later(self) -> None:
        anchor = Anchor(at("2026-02-08T07:30:00"), "America/New_York")  # 02:30 there

        assert boundary(anchor, MONTHLY, 1) == at("2026-03-08T07:30:00")  # 03:30: 02:30 is skipped

    def test_a_time_that_comes_twice_is_the_first_of_the_two(self) -> None:
        anchor = Anchor(at("2026-10-01T05:30:00"), "America/New_York")  # 01:30 there

        assert boundary(anchor, MONTHLY, 1) == at("2026-11-01T05:30:00")

    def test_the_anchor_may_be_the_second_of_two_equal_times(self) -> None:
        second = at("2026-11-01T06:30:00")

        assert boundary(Anchor(second, "America/New_York"), MONTHLY, 0) == second


class TestPeriodOfANumber:
    @given(strategies.anchors, strategies.rhythms, numbers)
    def test_one_begins_where_the_last_one_ended(
        self, anchor: Anchor, rhythm: Rhythm, number: int
    ) -> None:
        assert period(anchor, rhythm, number).end == period(anchor, rhythm, number + 1).start

    @given(strategies.anchors, numbers)
    def test_a_month_has_28_to_31_days_but_for_a_change_of_clocks(
        self, anchor: Anchor, number: int
    ) -> None:
        found = period(anchor, MONTHLY, number)

        slack = timedelta(hours=1)
        assert timedelta(days=28) - slack <= found.end - found.start <= timedelta(days=31) + slack

    @given(strategies.anchors, numbers)
    def test_twelve_months_are_a_year(self, anchor: Anchor, number: int) -> None:
        assert boundary(anchor, MONTHLY, 12 * number) == boundary(anchor, YEARLY, number)

    @given(strategies.anchors, numbers)
    def test_the_day_is_the_anchors_or_the_last_of_a_shorter_month(
        self, anchor: Anchor, number: int
    ) -> None:
        zone = ZoneInfo(anchor.zone)
        wanted = anchor.at.astimezone(zone).day
        found = boundary(anchor, MONTHLY, number).astimezone(zone)

        is_last = (found + timedelta(days=1)).month != found.month
        assert found.day == wanted or (found.day < wanted and is_last)


class TestNumberAt:
    @given(strategies.anchors, strategies.rhythms, strategies.moments)
    def test_a_moment_lies_in_exactly_the_period_of_its_number(
        self, anchor: Anchor, rhythm: Rhythm, moment: datetime
    ) -> None:
        number = number_at(anchor, rhythm, moment)

        around = [moment in period(anchor, rhythm, number + step) for step in (-1, 0, 1)]
        assert around == [False, True, False]

    @given(strategies.anchors, strategies.rhythms, numbers)
    def test_a_period_begins_with_its_own_number(
        self, anchor: Anchor, rhythm: Rhythm, number: int
    ) -> None:
        begins = boundary(anchor, rhythm, number)

        assert number_at(anchor, rhythm, begins) == number
        assert number_at(anchor, rhythm, begins - timedelta(seconds=1)) == number - 1

    @given(strategies.anchors, strategies.rhythms, st.lists(strategies.moments, min_size=2))
    def test_later_moments_never_have_lower_numbers(
        self, anchor: Anchor, rhythm: Rhythm, moments: list[datetime]
    ) -> None:
        found = [number_at(anchor, rhythm, moment) for moment in sorted(moments)]

        assert all(before <= after for before, after in pairwise(found))


class TestPeriodAt:
    def test_it_is_the_one_a_moment_lies_in(self) -> None:
        found = period_at(Anchor(at("2026-01-31")), MONTHLY, at("2026-03-15"))

        assert found == Period(at("2026-02-28"), at("2026-03-31"))


class TestIsBoundary:
    def test_only_the_second_at_which_a_period_begins_is_one(self) -> None:
        anchor = Anchor(at("2026-01-31T10:00:00"))

        assert is_boundary(anchor, MONTHLY, at("2026-02-28T10:00:00"))
        assert not is_boundary(anchor, MONTHLY, at("2026-02-28T10:00:01"))
        assert not is_boundary(anchor, MONTHLY, at("2026-03-28T10:00:00"))


class TestMonthsAfter:
    def test_it_counts_as_periods_do(self) -> None:
        assert months_after(at("2026-01-31"), 1) == at("2026-02-28")
        assert months_after(at("2026-01-31"), 3) == at("2026-04-30")

    def test_no_months_later_is_now_to_the_second(self) -> None:
        assert months_after(at("2026-01-31T10:00:00.7"), 0) == at("2026-01-31T10:00:00")
