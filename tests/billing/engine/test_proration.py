"""Credits for unused time and charges for the rest: exact, wherever a period is cut."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine import proration
from billing.engine.lines import Item
from billing.engine.periods import Period, Rhythm
from billing.engine.proration import Debit
from billing.enums import Interval
from tests.billing.engine import strategies

MONTHLY = Rhythm(Interval.MONTH)
JUNE = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def in_june(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def item(amount: int = 3000, quantity: int = 1) -> Item:
    return Item("Pro", amount, quantity, "USD", MONTHLY, "price_pro", "pro")


class TestRemaining:
    @pytest.mark.parametrize(
        ("day", "left"), [(1, 3000), (2, 2900), (16, 1500), (30, 100)], ids=str
    )
    def test_every_day_of_a_month_of_thirty_is_a_thirtieth(self, day: int, left: int) -> None:
        assert proration.remaining(3000, JUNE, in_june(day)) == left

    def test_it_is_everything_before_and_nothing_after(self) -> None:
        assert proration.remaining(3000, JUNE, in_june(1) - timedelta(days=3)) == 3000
        assert proration.remaining(3000, JUNE, JUNE.end) == 0

    def test_half_a_minor_unit_is_rounded_away_from_zero(self) -> None:
        assert proration.remaining(1, JUNE, in_june(16)) == 1
        assert proration.remaining(-1, JUNE, in_june(16)) == -1
        assert proration.remaining(1, JUNE, in_june(16) + timedelta(seconds=1)) == 0

    def test_it_goes_by_the_second(self) -> None:
        assert proration.remaining(2_592_000, JUNE, in_june(1) + timedelta(seconds=1)) == 2_591_999

    @given(strategies.signed_amounts, strategies.periods(), strategies.moments)
    def test_a_credit_mirrors_its_charge(
        self, amount: int, period: Period, moment: datetime
    ) -> None:
        credited = proration.remaining(-amount, period, moment)

        assert credited == -proration.remaining(amount, period, moment)

    @given(strategies.amounts, strategies.periods(), st.data())
    def test_it_is_within_half_a_minor_unit_of_the_exact_share(
        self, amount: int, period: Period, data: st.DataObject
    ) -> None:
        moment = data.draw(strategies.moments_within(period))
        left = proration.remaining(amount, period, moment)

        doubled_error = 2 * abs(left * period.seconds - amount * period.seconds_after(moment))
        assert doubled_error <= period.seconds


class TestUsed:
    @given(strategies.signed_amounts, strategies.periods(), strategies.moments)
    def test_what_is_used_and_what_remains_is_the_whole(
        self, amount: int, period: Period, moment: datetime
    ) -> None:
        left = proration.remaining(amount, period, moment)

        assert proration.used(amount, period, moment) + left == amount


class TestSplit:
    def test_a_month_is_cut_into_its_days(self) -> None:
        assert proration.split(3000, JUNE, [in_june(11), in_june(6)]) == [500, 500, 2000]

    def test_a_cent_falls_into_one_part(self) -> None:
        assert proration.split(100, JUNE, [in_june(11), in_june(21)]) == [33, 34, 33]

    @given(
        strategies.signed_amounts,
        strategies.periods(),
        st.lists(strategies.moments, max_size=12),
        st.data(),
    )
    def test_the_parts_sum_to_the_whole_wherever_it_is_cut(
        self, amount: int, period: Period, outside: list[datetime], data: st.DataObject
    ) -> None:
        inside = data.draw(st.lists(strategies.moments_within(period), max_size=12))
        parts = proration.split(amount, period, [*inside, *outside])

        assert sum(parts) == amount
        assert len(parts) == len(inside) + len(outside) + 1

    @given(strategies.amounts, strategies.periods(), st.data())
    def test_no_part_of_a_charge_is_a_credit(
        self, amount: int, period: Period, data: st.DataObject
    ) -> None:
        cuts = data.draw(st.lists(strategies.moments_within(period), max_size=12))

        assert min(proration.split(amount, period, cuts)) >= 0


class TestCreditForUnused:
    def test_it_reads_as_stripes_does(self) -> None:
        line = proration.credit_for_unused(Debit(item(quantity=3), 9000, JUNE), in_june(16))

        assert line is not None
        assert line.description == "Unused time on 3 \N{MULTIPLICATION SIGN} Pro after 16 Jun 2026"
        assert line.amount_minor == -4500
        assert line.quantity == 3
        assert line.period == Period(in_june(16), JUNE.end)
        assert line.external_price_id == "price_pro"
        assert line.is_proration
        assert not line.is_discountable

    def test_it_is_for_what_was_charged_and_not_for_the_list_price(self) -> None:
        half_price = Debit(item(3000), 1500, JUNE)

        line = proration.credit_for_unused(half_price, in_june(16))

        assert line is not None
        assert line.amount_minor == -750

    @pytest.mark.parametrize("amount", [0, 1])
    def test_nothing_to_credit_is_no_line(self, amount: int) -> None:
        assert proration.credit_for_unused(Debit(item(), amount, JUNE), in_june(30)) is None


class TestChargeForRemaining:
    def test_it_reads_as_stripes_does(self) -> None:
        line = proration.charge_for_remaining(item(), 3000, JUNE, in_june(16, 12))

        assert line is not None
        assert (
            line.description == "Remaining time on 1 \N{MULTIPLICATION SIGN} Pro after 16 Jun 2026"
        )
        assert line.amount_minor == 1450
        assert line.period == Period(in_june(16, 12), JUNE.end)

    def test_the_second_that_has_begun_is_charged(self) -> None:
        moment = in_june(16) + timedelta(milliseconds=900)

        line = proration.charge_for_remaining(item(), 2_592_000, JUNE, moment)

        assert line is not None
        assert line.amount_minor == 15 * 86_400
        assert line.period == Period(in_june(16), JUNE.end)

    def test_once_the_period_is_over_there_is_no_line(self) -> None:
        assert proration.charge_for_remaining(item(), 3000, JUNE, JUNE.end) is None

    @given(strategies.amounts, strategies.periods(), st.data())
    def test_a_change_to_the_same_costs_nothing(
        self, amount: int, period: Period, data: st.DataObject
    ) -> None:
        moment = data.draw(strategies.moments_within(period))
        credit = proration.credit_for_unused(Debit(item(), amount, period), moment)
        charge = proration.charge_for_remaining(item(), amount, period, moment)

        assert sum(line.amount_minor for line in (credit, charge) if line) == 0
