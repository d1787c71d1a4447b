"""A till that wants a payment stopped: before the card, while it is authorized, or too late."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect.terminals import stops
from billing.models import MerchantAccount
from billing.types import SaleOrder, SaleSnapshot
from orgs.models import Organization
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    asked,
    driver,
    find,
    lose,
    money_of,
    run,
    sale_for,
    state_of,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    """Somebody else who waits for the reader."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def run_and_leave(order: SaleOrder) -> SaleSnapshot:
    """Run a sale in a thread of its own, which has a connection of its own."""
    try:
        return run(order)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
class TestWhileItRuns:
    def test_before_the_card(
        self, simulator: CardPointeSimulator, order: SaleOrder, worker: ThreadPoolExecutor
    ) -> None:
        simulator.script(HSN, steps=[])
        running = worker.submit(run_and_leave, order)
        simulator.await_reader(HSN)

        driver.stop_sale(order)

        assert running.result(timeout=20).state == "canceled"
        assert simulator.transactions(orderid=order.reference) == []
        assert simulator.sessions() == []

    def test_while_the_card_is_authorized(
        self, simulator: CardPointeSimulator, order: SaleOrder, worker: ThreadPoolExecutor
    ) -> None:
        """Conformance point 15: the service says that it was too late, and it is voided."""
        simulator.settings(terminal_auth_s=60)
        running = worker.submit(run_and_leave, order)
        simulator.await_reader(HSN, "authorizing")

        driver.stop_sale(order)

        assert running.result(timeout=20).state == "canceled"
        [txn] = simulator.transactions(orderid=order.reference)
        assert (txn["respstat"], txn["setlstat"]) == ("A", "Voided")

    def test_a_second_till_is_told_that_it_is_busy_meanwhile(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        counter: MerchantAccount,
        worker: ThreadPoolExecutor,
    ) -> None:
        """Conformance point 16: the first is not disturbed."""
        first, second = sale_for(org, counter), sale_for(org, counter)
        simulator.script(HSN, steps=[])
        running = worker.submit(run_and_leave, first)
        simulator.await_reader(HSN)

        with pytest.raises(DriverUnavailable):
            run(second)
        simulator.act(HSN, confirm_amount=True)
        simulator.act(HSN, present="contactless")

        assert running.result(timeout=20).state == "succeeded"
        assert money_of(simulator, first) == [("Queued for Capture", AMOUNT)]
        assert money_of(simulator, second) == []


class TestStopping:
    def test_is_told_to_the_reader_by_the_session_of_who_waits(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_before")

        driver.stop_sale(order)

        assert len(asked(simulator, "cancel")) == 1

    def test_is_not_told_to_another_ones_payment(
        self, simulator: CardPointeSimulator, org: Organization, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_before")

        driver.stop_sale(dataclasses.replace(order, reference="BCDFGHJKLMNPQRSTVW"))

        assert asked(simulator, "cancel") == []

    def test_an_approval_that_comes_all_the_same_is_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stops, "is_asked", _asked_meanwhile(stops.is_asked))
        stops.ask(order.reference)

        assert run(order).state == "canceled"
        assert money_of(simulator, order) == []

    def test_what_was_not_told_counts_all_the_same(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")
        simulator.add_fault("drop_before", op="cancel")

        with pytest.raises(DriverUnavailable):
            driver.stop_sale(order)
        found = find(order)

        assert found is not None
        assert found.state == "canceled"
        assert money_of(simulator, order) == []
        assert state_of(order) == "voided"


def _asked_meanwhile(real: Any) -> Any:
    """Ask only once the reader was asked for a card: not at the first look."""
    looks: list[str] = []

    def is_asked(reference: str) -> bool:
        looks.append(reference)
        return len(looks) > 1 and real(reference)

    return is_asked
