"""Starts, renewals, changes and ends: every second is charged once, and none is skipped."""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine import cycles
from billing.engine.cycles import Cycle
from billing.engine.discounting import Discount
from billing.engine.drafting import Terms, draft
from billing.engine.lines import DraftLine, Item
from billing.engine.periods import Period, Rhythm
from billing.enums import CouponDuration, Interval
from tests.billing.engine import strategies

MONTHLY, YEARLY = Rhythm(Interval.MONTH), Rhythm(Interval.YEAR)
JUNE_1, JULY_1, AUGUST_1 = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))
JUNE_16 = datetime(2026, 6, 16, tzinfo=UTC)
HALF_OFF = Discount("di_1", CouponDuration.FOREVER, JUNE_1, percent_off=Decimal(50))


def item(amount: int = 3000, rhythm: Rhythm = MONTHLY, name: str = "Pro") -> Item:
    return Item(name, amount, 1, "USD", rhythm, product=name.lower())


def amounts(lines: Iterable[DraftLine]) -> list[int]:
    return [line.amount_minor for line in lines]


def began(what: Item | None = None) -> Cycle:
    return cycles.start(what or item(), at=JUNE_1).cycle


class TestStart:
    def test_it_charges_the_first_period_in_advance(self) -> None:
        step = cycles.start(item(), at=JUNE_1)

        assert amounts(step.lines) == [3000]
        assert step.lines[0].period == step.cycle.period == Period(JUNE_1, JULY_1)
        assert step.cycle.debit is not None
        assert step.cycle.debit.amount_minor == 3000

    def test_a_trial_is_free_and_the_first_paid_period_counts_from_its_end(self) -> None:
        trialing = cycles.start(item(), at=JUNE_1, trial_end=JUNE_16)
        paid = cycles.renew(trialing.cycle)

        assert amounts(trialing.lines) == [0]
        assert trialing.cycle.is_trial
        assert trialing.cycle.period == Period(JUNE_1, JUNE_16)
        assert amounts(paid.lines) == [3000]
        assert not paid.cycle.is_trial
        assert paid.cycle.period == Period(JUNE_16, JUNE_16.replace(month=7))

    def test_what_is_credited_later_is_net_of_discounts(self) -> None:
        step = cycles.start(item(), at=JUNE_1, discounts=[HALF_OFF])

        assert step.cycle.debit is not None
        assert step.cycle.debit.amount_minor == 1500


class TestRenew:
    def test_the_next_period_begins_where_the_last_one_ended(self) -> None:
        step = cycles.renew(began())

        assert amounts(step.lines) == [3000]
        assert step.cycle.period == Period(JULY_1, AUGUST_1)

    def test_the_31st_comes_back_after_february(self) -> None:
        cycle = cycles.start(item(), at=datetime(2026, 1, 31, tzinfo=UTC)).cycle

        for _month in range(2):
            cycle = cycles.renew(cycle).cycle

        assert cycle.period.start == datetime(2026, 3, 31, tzinfo=UTC)

    def test_what_was_chosen_for_the_next_period_is_charged(self) -> None:
        step = cycles.renew(began(), next_item=item(9000, name="Business"))

        assert amounts(step.lines) == [9000]
        assert step.cycle.period == Period(JULY_1, AUGUST_1)

    def test_another_rhythm_counts_from_there(self) -> None:
        step = cycles.renew(began(), next_item=item(30_000, YEARLY))

        assert step.cycle.period == Period(JULY_1, JULY_1.replace(year=2027))
        assert step.cycle.anchor.at == JULY_1

    def test_a_discount_that_ended_is_not_in_it(self) -> None:
        ended = dataclasses.replace(HALF_OFF, ends_at=JULY_1)

        step = cycles.renew(began(), discounts=[ended])

        assert step.cycle.debit is not None
        assert step.cycle.debit.amount_minor == 3000


class TestSkip:
    def test_time_goes_on_and_nothing_is_charged(self) -> None:
        step = cycles.skip(began())

        assert step.lines == ()
        assert step.cycle.period == Period(JULY_1, AUGUST_1)
        assert step.cycle.debit is None

    def test_a_change_within_it_costs_nothing(self) -> None:
        skipped = cycles.skip(began()).cycle

        step = cycles.change(skipped, item(9000), at=JULY_1 + timedelta(days=3))

        assert step.lines == ()
        assert step.cycle.item.amount_minor == 9000
        assert amounts(cycles.renew(step.cycle).lines) == [9000]


class TestChange:
    def test_the_rest_is_credited_and_charged_anew(self) -> None:
        step = cycles.change(began(), item(9000), at=JUNE_16)

        assert amounts(step.lines) == [-1500, 4500]
        assert {line.period for line in step.lines} == {Period(JUNE_16, JULY_1)}
        assert step.cycle.period == Period(JUNE_1, JULY_1)

    def test_the_charge_is_net_of_discounts_and_says_which(self) -> None:
        step = cycles.change(began(), item(9000), at=JUNE_16, discounts=[HALF_OFF])

        assert amounts(step.lines) == [-1500, 2250]
        assert step.discounts == {"di_1"}

    def test_without_proration_it_only_counts_from_the_next_period(self) -> None:
        step = cycles.change(began(), item(9000), at=JUNE_16, prorates=False)

        assert step.lines == ()
        assert amounts(cycles.renew(step.cycle).lines) == [9000]

    def test_what_was_charged_before_is_still_what_is_credited_then(self) -> None:
        changed = cycles.change(began(), item(9000), at=JUNE_16, prorates=False)

        assert amounts(cycles.end(changed.cycle, at=JUNE_16, credits_unused=True)) == [-1500]

    def test_another_rhythm_begins_a_whole_period_now(self) -> None:
        step = cycles.change(began(), item(30_000, YEARLY), at=JUNE_16)

        assert amounts(step.lines) == [-1500, 30_000]
        assert step.cycle.period == Period(JUNE_16, JUNE_16.replace(year=2027))
        assert step.cycle.anchor.at == JUNE_16

    def test_within_a_trial_it_costs_nothing(self) -> None:
        trialing = cycles.start(item(), at=JUNE_1, trial_end=JUNE_16).cycle

        step = cycles.change(trialing, item(9000), at=JUNE_1 + timedelta(days=2))

        assert step.lines == ()
        assert step.cycle.is_trial
        assert amounts(cycles.renew(step.cycle).lines) == [9000]

    @pytest.mark.parametrize("moment", [JUNE_1 - timedelta(seconds=1), JULY_1])
    def test_it_is_refused_outside_of_the_running_period(self, moment: datetime) -> None:
        with pytest.raises(ValueError, match="running period"):
            cycles.change(began(), item(9000), at=moment)

    def test_another_currency_is_refused(self) -> None:
        in_euro = dataclasses.replace(item(), currency="EUR")

        with pytest.raises(ValueError, match="EUR is not"):
            cycles.change(began(), in_euro, at=JUNE_16)

    @given(strategies.items(rhythm=MONTHLY), strategies.items(rhythm=MONTHLY), st.data())
    def test_there_and_back_at_once_costs_nothing(
        self, first: Item, second: Item, data: st.DataObject
    ) -> None:
        cycle = cycles.start(first, at=JUNE_1).cycle
        at = data.draw(strategies.moments_within(cycle.period))
        there = cycles.change(cycle, second, at=at)
        back = cycles.change(there.cycle, first, at=at)

        assert sum(amounts(there.lines)) + sum(amounts(back.lines)) == 0


class TestAsCharged:
    def test_what_is_credited_is_what_its_invoice_charged(self) -> None:
        fixed = Discount("di_1", CouponDuration.ONCE, JUNE_1, amount_off_minor=1000, currency="USD")
        step = cycles.start(item(), at=JUNE_1, discounts=[fixed])
        other = DraftLine("Setup", 1, 3000)
        invoice = draft([other, *step.lines], Terms("USD", (fixed,)), at=JUNE_1)

        cycle = cycles.as_charged(step, invoice)

        assert cycle.debit is not None
        assert cycle.debit.amount_minor == 2500

    def test_a_free_trial_has_nothing_to_credit(self) -> None:
        step = cycles.start(item(), at=JUNE_1, trial_end=JUNE_16)

        assert cycles.as_charged(step, draft(step.lines, Terms("USD"), at=JUNE_1)) == step.cycle

    def test_a_change_to_nothing_leaves_nothing_to_credit(self) -> None:
        step = cycles.change(began(), item(0), at=JUNE_16)

        cycle = cycles.as_charged(step, draft(step.lines, Terms("USD"), at=JUNE_16))

        assert cycle.debit is not None
        assert cycle.debit.amount_minor == 0


class TestEnd:
    def test_unused_time_is_credited_if_asked_for(self) -> None:
        assert amounts(cycles.end(began(), at=JUNE_16, credits_unused=True)) == [-1500]
        assert cycles.end(began(), at=JUNE_16, credits_unused=False) == ()

    def test_a_trial_has_nothing_to_credit(self) -> None:
        trialing = cycles.start(item(), at=JUNE_1, trial_end=JUNE_16).cycle

        assert cycles.end(trialing, at=JUNE_1, credits_unused=True) == ()


class TestEndTrial:
    def test_the_first_paid_period_begins_at_once(self) -> None:
        trialing = cycles.start(item(), at=JUNE_1, trial_end=JULY_1).cycle

        step = cycles.end_trial(trialing, at=JUNE_16)

        assert amounts(step.lines) == [3000]
        assert step.cycle.period == Period(JUNE_16, JUNE_16.replace(month=7))
        assert not step.cycle.is_trial
