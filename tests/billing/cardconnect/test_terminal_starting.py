"""How payments at a reader begin: opened unasked, with a tip, or not at all."""

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
from billing.drivers.cardconnect.terminals import sales
from billing.models import MerchantAccount
from billing.types import SaleOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    CLOVER,
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

CUTS = ("drop_before", "drop_after", "http_500")


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
