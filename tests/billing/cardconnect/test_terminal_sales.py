"""Payments at a reader: what its answers come to, and that the gateway has the same."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.terminals import commands, stops
from billing.models import Case, MerchantAccount
from billing.types import SaleOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import PARTIAL
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    CLOVER,
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


class TestApproved:
    def test_is_paid_at_once(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        snapshot = run(order)

        assert (snapshot.state, snapshot.authorized_minor) == ("succeeded", AMOUNT)
        assert (snapshot.captured_minor, snapshot.tip_minor) == (AMOUNT, 0)
        assert snapshot.external_id == f"cc_pay_{order.reference}"
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT)]

    def test_says_what_a_receipt_needs(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "approve", present="chip")

        card = run(order).card

        assert card is not None
        assert (card.brand, card.last4, card.entry_mode) == ("visa", "1443", "chip")
        assert card.aid
        assert card.auth_code

    def test_without_capture_it_is_held(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        order = sale_for(org, counter, is_captured_at_once=False)

        snapshot = run(order)

        assert (snapshot.state, snapshot.captured_minor) == ("requires_capture", 0)
        assert snapshot.capture_before is not None
        assert timedelta(days=6) < snapshot.capture_before - clock.now() <= timedelta(days=7)
        assert money_of(simulator, order) == [("Authorized", AMOUNT)]

    def test_asks_for_whole_cents_by_our_reference(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)

        [sent] = asked(simulator, "authCard")
        assert (sent["amount"], sent["orderId"], sent["capture"]) == (AMOUNT, order.reference, True)

    def test_leaves_the_reader_free(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        run(order)

        assert simulator.sessions() == []
        assert simulator.display(HSN) == ""
        assert [sent["force"] for sent in asked(simulator, "connect")] == [False]

    def test_a_part_is_taken_back_at_once(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "approve", pan=PARTIAL)

        snapshot = run(order)

        assert (snapshot.state, snapshot.decline_code) == ("declined", "insufficient_funds")
        assert snapshot.authorized_minor == 0
        assert money_of(simulator, order) == []
        again = find(order)
        assert again is not None
        assert (again.state, again.decline_code) == ("declined", "insufficient_funds")


class TestCanceled:
    def test_at_the_reader(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "cancel_at_terminal")

        snapshot = run(order)

        assert snapshot.state == "canceled"
        assert len(simulator.requests(op="inquireByOrderid")) == 1
        assert simulator.transactions(orderid=order.reference) == []

    def test_what_the_gateway_has_counts_more_than_the_reader(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The reader says canceled, without the payment that it was too late for."""
        real = commands.authorize

        def forgetful(*args: Any, **more: Any) -> Any:
            answer = real(*args, **more)
            return dataclasses.replace(answer, status=500, body={"errorCode": 8})

        monkeypatch.setattr(commands, "authorize", forgetful)

        assert run(order).state == "succeeded"
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT)]

    def test_is_not_said_before_the_gateway_was_heard(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "cancel_at_terminal")
        simulator.add_fault("inquiry_down")

        with pytest.raises(OutcomeUnknown):
            run(order)

        assert state_of(order) == "sent"

    def test_before_the_reader_was_asked(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        driver.stop_sale(order)

        assert run(order).state == "canceled"
        assert asked(simulator, "authCard") == []
        assert simulator.sessions() == []


class TestTooLate:
    """Conformance point 15: the sale and the gateway agree, whatever the reader said."""

    def test_an_approval_that_came_too_late_for_the_cashier_is_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "late_cancel")
        stops.ask(order.reference)

        assert _run_past_the_first_look(order) == "canceled"
        assert money_of(simulator, order) == []
        assert state_of(order) == "voided"

    def test_one_that_came_too_late_for_the_customer_is_kept(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "late_cancel")

        assert run(order).state == "succeeded"
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT)]

    def test_unplugged_after_it_the_payment_is_kept(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "unplug_after_auth")

        assert run(order).state == "succeeded"
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT)]

    def test_what_the_reader_voided_by_itself_is_canceled(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.put_reader(CLOVER, device_type="Mini 2")
        simulator.script(CLOVER, "late_cancel")
        order = sale_for(org, counter, hsn=CLOVER)

        assert run(order).state == "canceled"
        assert money_of(simulator, order) == []

    def test_what_it_did_not_void_is_voided(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        simulator.script(HSN, "late_cancel")
        real = commands.authorize

        def lying(*args: Any, **more: Any) -> Any:
            answer = real(*args, **more)
            return dataclasses.replace(answer, body={**answer.body, "errorCode": 900})

        monkeypatch.setattr(commands, "authorize", lying)

        assert run(order).state == "canceled"
        assert money_of(simulator, order) == []

    def test_a_void_without_an_answer_is_tried_again(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "late_cancel")
        simulator.add_fault("void_down")
        simulator.add_fault("inquiry_down")
        stops.ask(order.reference)

        with pytest.raises(OutcomeUnknown):
            _run_past_the_first_look(order)
        found = find(order, timedelta(seconds=5))

        assert found is not None
        assert found.state == "canceled"
        assert money_of(simulator, order) == []

    def test_what_can_not_be_voided_any_more_is_told_and_a_case(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")
        simulator.close_batches()
        driver.stop_sale(order)

        found = find(order)

        assert found is not None
        assert (found.state, found.captured_minor) == ("succeeded", AMOUNT)
        assert Case.objects.filter(external_id=order.reference).count() == 1


def _run_past_the_first_look(order: SaleOrder) -> str:
    """Run a sale whose till asks to cancel only once the reader was asked."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stops, "is_asked", _second_time_on(stops.is_asked))
        return run(order).state


def _second_time_on(real: Any) -> Any:
    calls = []

    def is_asked(reference: str) -> bool:
        calls.append(reference)
        return len(calls) > 1 and real(reference)

    return is_asked
