"""What comes after a sale was decided: one approval stays at most, and none that nobody wants."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.terminals import second_look
from billing.models import Case
from billing.types import SaleOrder
from orgs import clock
from tests.billing.cardconnect.gateway_steps import VISA
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    CERTAIN,
    TAKEN,
    asked,
    driver,
    lose,
    money_of,
    row_of,
    run,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


def look(after: timedelta = CERTAIN) -> int:
    return second_look.look_again(now=clock.now() + after)


def approve_once_more(simulator: CardPointeSimulator, order: SaleOrder) -> None:
    """Let the gateway approve something else under the order's reference."""
    card = {"account": simulator.tokenize(VISA), "expiry": "1230", "capture": "Y"}
    simulator.call("auth", {**card, "amount": "49.00", "orderid": order.reference})


class TestPaid:
    def test_stays_and_is_looked_at_once(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)

        assert look(CERTAIN - timedelta(seconds=10)) == 0
        assert (look(), look()) == (1, 0)
        assert money_of(simulator, order) == TAKEN
        assert not Case.objects.exists()

    def test_what_the_service_sent_again_is_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.settings(terminal_reauth=True, terminal_gateway_s=0)
        simulator.script(HSN, "gateway_late", seconds=60)
        assert run(order).state == "succeeded"
        row = row_of(order)
        assert row is not None
        simulator.advance(100)
        assert len(money_of(simulator, order)) == 2

        look()

        assert money_of(simulator, order) == TAKEN
        assert simulator.inquire(row.retref)["setlstat"] == "Queued for Capture"

    def test_what_took_its_place_is_it(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)
        row = row_of(order)
        assert row is not None
        simulator.call("void", {"retref": row.retref})
        approve_once_more(simulator, order)

        look()

        again = row_of(order)
        assert again is not None
        assert again.retref not in {"", row.retref}
        assert again.state == "approved"
        assert money_of(simulator, order) == TAKEN
        assert not Case.objects.exists()

    def test_what_vanished_is_a_case(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)
        row = row_of(order)
        assert row is not None
        simulator.call("void", {"retref": row.retref})

        look()

        assert Case.objects.filter(external_id=order.reference).count() == 1

    def test_what_was_given_back_is_none(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)
        driver.refund_payment(
            f"cc_pay_{order.reference}",
            amount_minor=AMOUNT,
            reason="other",
            reference="BCDFGHJKLMNPQRSTVW",
            idempotency_key="k",
        )

        assert look() == 1
        assert not Case.objects.exists()


class TestNotWanted:
    @pytest.mark.parametrize(
        "script",
        [{"outcome": "decline", "code": "05"}, {"outcome": "cancel_at_terminal"}],
        ids=["declined", "canceled"],
    )
    def test_what_arrives_after_its_end_is_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder, script: dict[str, Any]
    ) -> None:
        simulator.script(HSN, **script)
        run(order)
        approve_once_more(simulator, order)

        look()

        assert money_of(simulator, order) == []

    def test_what_was_voided_stays_so(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)
        driver.void_sale(order, idempotency_key="k")

        assert look() == 1
        assert len(asked(simulator, "void")) == 1
        assert not Case.objects.exists()


class TestNotYet:
    def test_what_is_not_decided_is_left_to_whoever_asks(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")

        assert look() == 0

    def test_without_an_answer_it_is_looked_at_again(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)
        approve_once_more(simulator, order)
        simulator.add_fault("void_down")
        simulator.add_fault("inquiry_down", skip=1)

        assert look() == 0
        assert look() == 1
        assert money_of(simulator, order) == TAKEN

    def test_what_is_settled_long_ago_is_nothing_to_void(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)

        assert look(timedelta(days=2)) == 0


def test_the_reader_is_not_asked_by_it(simulator: CardPointeSimulator, order: SaleOrder) -> None:
    simulator.add_fault("drop_before", op="authCard")
    with pytest.raises(OutcomeUnknown):
        run(order)

    look()

    assert len(asked(simulator, "authCard")) == 1
