"""Captures and voids of what a reader authorized: once, asked for first, and never too much."""

import dataclasses
from datetime import timedelta

import pytest

from billing.drivers.base import DriverError, DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect.models import TransactionState
from billing.models import MerchantAccount
from billing.types import SaleOrder, SaleSnapshot
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    asked,
    driver,
    find,
    money_of,
    row_of,
    run,
    sale_for,
    state_of,
)
from tests.simulators.cardpointe.client import CardPointeSimulator


@pytest.fixture
def order(org: Organization, counter: MerchantAccount) -> SaleOrder:
    """A basket of 49.00 that is authorized alone."""
    order = sale_for(org, counter, is_captured_at_once=False)
    run(order)
    return order


def capture(order: SaleOrder, amount_minor: int = AMOUNT) -> SaleSnapshot:
    return driver.capture_sale(order, amount_minor=amount_minor, idempotency_key="k")


def void(order: SaleOrder) -> SaleSnapshot:
    return driver.void_sale(order, idempotency_key="k")


class TestCapture:
    @pytest.mark.parametrize("amount", [AMOUNT, 3000, 1])
    def test_takes_all_or_a_part(
        self, simulator: CardPointeSimulator, order: SaleOrder, amount: int
    ) -> None:
        snapshot = capture(order, amount)

        assert (snapshot.state, snapshot.captured_minor) == ("succeeded", amount)
        assert snapshot.authorized_minor == AMOUNT
        assert snapshot.capture_before is None
        assert money_of(simulator, order) == [("Queued for Capture", amount)]

    def test_twice_is_once(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        first = capture(order, 3000)

        assert capture(order, 3000) == first
        assert capture(order, 4000) == first
        assert len(asked(simulator, "capture")) == 1

    def test_is_found_as_it_was(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        capture(order, 3000)
        found = find(order)

        assert found is not None
        assert (found.state, found.captured_minor, found.authorized_minor) == (
            "succeeded",
            3000,
            AMOUNT,
        )
        assert money_of(simulator, order) == [("Queued for Capture", 3000)]

    @pytest.mark.parametrize("amount", [AMOUNT + 1, 0, -1])
    def test_never_too_much(
        self, simulator: CardPointeSimulator, order: SaleOrder, amount: int
    ) -> None:
        with pytest.raises(DriverRejected, match="capture_too_large"):
            capture(order, amount)

        assert asked(simulator, "capture") == []

    def test_nothing_that_was_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        void(order)

        with pytest.raises(DriverRejected, match="nothing_to_capture"):
            capture(order)

    def test_nothing_of_somebody_else(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        foreign = dataclasses.replace(order, organization_id=make_organization().pk)

        for call in (capture, void):
            with pytest.raises(DriverRejected, match="no_such_sale"):
                call(foreign)
        assert money_of(simulator, order) == [("Authorized", AMOUNT)]

    @pytest.mark.parametrize("kind", ["drop_after", "truncate", "no_retref"])
    def test_an_answer_that_is_lost_is_asked_for(
        self, simulator: CardPointeSimulator, order: SaleOrder, kind: str
    ) -> None:
        simulator.add_fault(kind, op="capture")

        snapshot = capture(order, 3000)

        assert (snapshot.state, snapshot.captured_minor) == ("succeeded", 3000)

    def test_a_call_that_is_lost_may_be_made_again(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.add_fault("drop_before", op="capture")
        with pytest.raises(OutcomeUnknown):
            capture(order, 3000)

        assert state_of(order) == TransactionState.AUTHORIZED
        assert capture(order, 3000).captured_minor == 3000
        assert money_of(simulator, order) == [("Queued for Capture", 3000)]

    def test_nobody_answers_and_it_is_found_later(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.add_fault("drop_after", op="capture")
        simulator.add_fault("inquiry_down", skip=1)
        with pytest.raises(OutcomeUnknown):
            capture(order, 3000)

        found = find(order)

        assert found is not None
        assert (found.state, found.captured_minor) == ("succeeded", 3000)
        row = row_of(order)
        assert row is not None
        assert (row.state, row.amount_minor, row.authorized_minor) == ("approved", 3000, AMOUNT)

    @pytest.mark.parametrize("kind", ["http_400", "http_429"])
    def test_a_call_that_is_refused_took_nothing(
        self, simulator: CardPointeSimulator, order: SaleOrder, kind: str
    ) -> None:
        simulator.add_fault(kind, op="capture", retry_after=5)

        with pytest.raises((DriverRejected, DriverUnavailable)):
            capture(order)

        assert money_of(simulator, order) == [("Authorized", AMOUNT)]

    def test_what_staff_captured_at_the_gateway_is_taken_over(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        row = row_of(order)
        assert row is not None
        simulator.call("capture", {"retref": row.retref, "amount": "30.00"})

        found = find(order)

        assert found is not None
        assert (found.state, found.captured_minor) == ("succeeded", 3000)


class TestVoid:
    def test_releases_what_is_held(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        snapshot = void(order)

        assert (snapshot.state, snapshot.authorized_minor) == ("canceled", 0)
        assert money_of(simulator, order) == []
        assert state_of(order) == TransactionState.VOIDED

    def test_twice_is_once(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        assert void(order) == void(order)
        assert len(asked(simulator, "void")) == 1
        found = find(order)
        assert found is not None
        assert found.state == "canceled"

    def test_of_what_was_captured_is_possible_until_its_day_ends(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        capture(order, 3000)

        assert void(order).state == "canceled"
        assert money_of(simulator, order) == []

    def test_of_what_is_settled_is_refused(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        capture(order)
        simulator.close_batches()

        with pytest.raises(DriverRejected, match="already_settled"):
            void(order)

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_without_an_answer_is_decided_by_asking_again(
        self, simulator: CardPointeSimulator, order: SaleOrder, kind: str
    ) -> None:
        simulator.add_fault(kind, op="void")
        try:
            state = void(order).state
        except OutcomeUnknown:
            state = void(order).state

        assert state == "canceled"
        assert money_of(simulator, order) == []

    def test_of_what_never_was_is_refused(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        with pytest.raises(DriverError, match="no_such_sale"):
            void(sale_for(org, counter))


def test_what_is_not_captured_in_time_is_lost(order: SaleOrder) -> None:
    found, row = find(order), row_of(order)

    assert found is not None
    assert row is not None
    assert row.sent_at is not None
    assert found.capture_before == row.sent_at + timedelta(days=7)
