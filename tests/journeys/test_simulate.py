"""The months of `make simulate` on a small scale: a second opinion agrees to the minor unit."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.simulate import session
from tests.journeys.simulate.diary import Coupon, Did, Entry, Offer
from tests.journeys.simulate.recompute import Reckoner

SEED = 20261121
BEGIN = datetime(2027, 1, 31, 12, tzinfo=UTC)
TEAM = Offer("team", 1, 4950)


@pytest.mark.django_db
@pytest.mark.usefixtures("empty_redis")
class TestSimulate:
    def test_a_few_tenants_over_some_months(self) -> None:
        outcome = session.perform([1, 2, 3], seed=SEED, months=2)

        assert outcome.faults == []
        assert outcome.figures["invoices:stripe"] > 0
        assert outcome.figures["invoices:cardconnect"] > 0
        assert outcome.figures["invoices:custom"] > 0
        assert outcome.figures["charges:cardconnect"] > 0


class TestSecondOpinion:
    def test_months_end_where_the_first_one_began(self) -> None:
        start = Entry(BEGIN, Did.START, TEAM, seats=2)
        moments = [BEGIN + timedelta(days=days) for days in (0, 28, 59)]
        reckoner = Reckoner("cardconnect", moments)

        reckoner.reckon([start], BEGIN + timedelta(days=60))

        assert [f"{bill.lines[0].start:%m-%d}" for bill in reckoner.bills] == [
            "01-31",
            "02-28",
            "03-31",
        ]
        assert [bill.paid_minor for bill in reckoner.bills] == [9900, 9900, 9900]
        assert reckoner.complaints == []

    def test_half_a_period_costs_half_of_it_net_of_what_is_taken_off(self) -> None:
        start = Entry(
            BEGIN, Did.START, TEAM, seats=1, coupon=Coupon(percent="10", duration="forever")
        )
        half = BEGIN + timedelta(days=14)
        more = Entry(half, Did.CHANGE, TEAM, seats=2, proration="invoice")
        reckoner = Reckoner("custom", [])

        reckoner.reckon([start, more], half)

        assert [bill.total_minor for bill in reckoner.bills] == [4455, -2228 + 4455]

    @pytest.mark.parametrize("provider", ["stripe", "cardconnect", "custom"])
    def test_what_was_put_aside_is_billed_when_it_ends_with_its_period(self, provider: str) -> None:
        ends = BEGIN + timedelta(days=28)
        entries = [
            Entry(BEGIN, Did.START, TEAM, seats=1),
            Entry(BEGIN + timedelta(days=14), Did.CHANGE, TEAM, 2, proration="next_invoice"),
            Entry(BEGIN + timedelta(days=15), Did.CANCEL_LATER),
        ]
        reckoner = Reckoner(provider, [BEGIN, ends] if provider != "custom" else [])

        reckoner.reckon(entries, ends + timedelta(days=40))

        assert [(bill.issued_at, bill.total_minor) for bill in reckoner.bills] == [
            (BEGIN, 4950),
            (ends, -2475 + 4950),
        ]
        assert reckoner.running is None
        assert reckoner.complaints == []

    def test_money_that_nobody_owed_is_told(self) -> None:
        reckoner = Reckoner("stripe", [BEGIN, BEGIN + timedelta(days=3)])

        reckoner.reckon([Entry(BEGIN, Did.START, TEAM, seats=1)], BEGIN + timedelta(days=9))

        assert len(reckoner.complaints) == 1
