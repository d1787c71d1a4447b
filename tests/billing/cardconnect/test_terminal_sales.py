"""Payments at a reader: what its answers come to, and that the gateway has the same."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import (
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
    ReaderBusy,
    ReaderOffline,
)
from billing.drivers.cardconnect.terminals import commands, sales, stops
from billing.models import Case, MerchantAccount
from billing.types import SaleOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.cardconnect.gateway_steps import PARTIAL
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    asked,
    driver,
    find,
    lose,
    money_of,
    open_counter,
    row_of,
    run,
    sale_for,
    state_of,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import CAD_MID
from tests.simulators.cardpointe.terminals.readers import HSN

CLOVER = "SIM0002"
CUTS = ("drop_before", "drop_after", "http_500")


@pytest.fixture
def order(org: Organization, counter: MerchantAccount) -> SaleOrder:
    """A basket of 49.00."""
    return sale_for(org, counter)


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


class TestDeclined:
    def test_holds_nothing(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "decline", code="NU")

        snapshot = run(order)

        assert (snapshot.state, snapshot.decline_code) == ("declined", "insufficient_funds")
        assert (snapshot.authorized_minor, snapshot.captured_minor) == (0, 0)
        assert money_of(simulator, order) == []

    def test_is_found_as_it_was(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "decline", code="NU")
        snapshot = run(order)

        found = find(order)

        assert found is not None
        assert (found.state, found.decline_code) == (snapshot.state, snapshot.decline_code)

    def test_what_is_ours_to_repair_is_no_decline(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "decline", code="03")

        with pytest.raises(DriverRejected, match="gateway_03"):
            run(order)

    def test_a_time_out_of_the_bank_is_looked_at_once_and_over(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.add_fault("b_code", op="authCard", proc="PPS", code="62")

        snapshot = run(order)

        assert snapshot.state == "declined"
        assert len(simulator.requests(op="inquireByOrderid")) == 1
        assert money_of(simulator, order) == []


class TestAgain:
    def test_after_a_decline_another_try_is_one_of_its_own(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.script(HSN, "decline", code="NU")
        first = sale_for(org, counter)
        declined = run(first)
        again = sale_for(org, counter, external_id=declined.external_id)

        paid = run(again)

        assert (paid.state, paid.external_id) == ("succeeded", f"cc_pay_{again.reference}")
        assert money_of(simulator, first) == []
        assert money_of(simulator, again) == [("Queued for Capture", AMOUNT)]

    def test_a_try_is_asked_about_by_itself_though_another_one_paid(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        first = sale_for(org, counter)
        lose(simulator, first, "drop_after")
        simulator.advance(601)
        paid = run(sale_for(org, counter))

        found = find(dataclasses.replace(first, external_id=paid.external_id))

        assert found is not None
        assert found.external_id == f"cc_pay_{first.reference}"


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


class TestNotStarted:
    def test_a_reader_that_is_not_there(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.plug(HSN, is_plugged=False)

        with pytest.raises(ReaderOffline):
            run(order)

        assert asked(simulator, "connect") == []
        assert row_of(order) is None

    def test_a_reader_that_nobody_has(self, org: Organization, counter: MerchantAccount) -> None:
        with pytest.raises(ObjectMissing, match="no_such_reader"):
            run(sale_for(org, counter, hsn="SIM9999"))

    def test_a_reader_in_merchant_mode(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.put_reader(CLOVER, device_type="Mini 2", merchant_mode=True)

        with pytest.raises(ReaderBusy):
            run(sale_for(org, counter, hsn=CLOVER))

    def test_a_wrong_key_leaves_stored_cards_alone(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        account = open_counter(terminal_api_key="wrong")

        with pytest.raises(DriverUnavailable, match="terminal_key_refused"):
            run(sale_for(org, account))

        assert not hasattr(account, "cardconnect_state")

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"currency": "CAD"}, "currency"),
            ({"amount_minor": 0}, "amount"),
            ({"amount_minor": -1}, "amount"),
        ],
    )
    def test_an_order_that_can_not_be_right(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        counter: MerchantAccount,
        changes: dict[str, Any],
        why: str,
    ) -> None:
        order = sale_for(org, counter, **changes)

        with pytest.raises(DriverRejected, match=why):
            driver.open_sale(order, idempotency_key="k")
        with pytest.raises(DriverRejected, match=why):
            run(order)
        assert simulator.requests() == []

    def test_an_account_without_readers(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        with pytest.raises(DriverRejected, match="no_terminal_key"):
            run(sale_for(org, open_counter(terminal_api_key="")))

    def test_somebody_elses_account(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        with pytest.raises(DriverRejected, match="no_merchant_account"):
            run(sale_for(org, open_counter(make_organization())))

        assert simulator.requests() == []

    def test_a_second_process_with_the_same_try(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        run(order)

        with pytest.raises(OutcomeUnknown, match="already_sent"):
            run(order)

        assert len(asked(simulator, "authCard")) == 1

    @pytest.mark.parametrize(
        ("op", "kind"),
        [
            *(("terminalDetails", kind) for kind in (*CUTS, "truncate")),
            *(("connect", kind) for kind in CUTS),
        ],
    )
    def test_a_call_without_an_answer_before_the_card(
        self, simulator: CardPointeSimulator, order: SaleOrder, op: str, kind: str
    ) -> None:
        simulator.add_fault(kind, op=op)

        with pytest.raises(DriverUnavailable):
            run(order)

        assert asked(simulator, "authCard") == []
        assert row_of(order) is None

    def test_a_process_that_stood_still_does_not_ask_any_more(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin, now = sales.begin, clock.now

        def slowly(*args: Any, **more: Any) -> Any:
            row = begin(*args, **more)
            monkeypatch.setattr(clock, "now", lambda *_: now() + timedelta(seconds=6))
            return row

        monkeypatch.setattr(sales, "begin", slowly)

        with pytest.raises(DriverUnavailable, match="not_sent"):
            run(order)

        assert asked(simulator, "authCard") == []
        assert state_of(order) == "absent"


class TestTip:
    @pytest.fixture
    def order(self, org: Organization, counter: MerchantAccount) -> SaleOrder:
        return sale_for(org, counter, asks_for_tip=True)

    def test_is_charged_with_the_amount(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "approve", tip=735)

        snapshot = run(order)

        assert (snapshot.authorized_minor, snapshot.tip_minor) == (AMOUNT + 735, 735)
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT + 735)]

    def test_is_known_when_the_answer_is_lost(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "approve", tip=735)
        lose(simulator, order, "drop_after")

        found = find(order)

        assert found is not None
        assert (found.captured_minor, found.tip_minor) == (AMOUNT + 735, 735)
        assert money_of(simulator, order) == [("Queued for Capture", AMOUNT + 735)]

    def test_canceled_at_the_question_nothing_is_asked_of_a_card(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "cancel_at_terminal")

        assert run(order).state == "canceled"
        assert asked(simulator, "authCard") == []
        assert simulator.sessions() == []

    @pytest.mark.parametrize("kind", ["drop_before", "drop_after", "http_500", "truncate"])
    def test_without_an_answer_nothing_is_asked_of_a_card(
        self, simulator: CardPointeSimulator, order: SaleOrder, kind: str
    ) -> None:
        simulator.add_fault(kind, op="tip")

        with pytest.raises(DriverUnavailable):
            run(order)

        assert asked(simulator, "authCard") == []
        assert row_of(order) is None


class TestOpening:
    def test_asks_nobody(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        snapshot = driver.open_sale(order, idempotency_key="k")

        assert (snapshot.state, snapshot.external_id) == ("requires_terminal", "")
        assert simulator.requests() == []

    def test_the_account_says_which_currency(
        self, simulator: CardPointeSimulator, counter: MerchantAccount
    ) -> None:
        other = open_counter(make_organization(), merchid=CAD_MID, currency="CAD")

        assert driver.terminal_currency(counter.pk) == "USD"
        assert driver.terminal_currency(other.pk) == "CAD"
