"""Sales without an answer: decided by asking, taken once at most, absent only when it is sure."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import voiding
from billing.drivers.cardconnect.terminals import sales
from billing.models import MerchantAccount
from billing.types import SaleOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import VISA
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    AT_ONCE,
    CERTAIN,
    TAKEN,
    TOO_EARLY,
    asked,
    driver,
    find,
    lose,
    money_of,
    row_of,
    run,
    sale_for,
    state_of,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


class TestFound:
    @pytest.mark.parametrize("after", [AT_ONCE, TOO_EARLY, CERTAIN], ids=["now", "soon", "later"])
    @pytest.mark.parametrize("kind", ["drop_after", "truncate", "no_retref", "no_respstat"])
    def test_is_adopted_at_any_time(
        self, simulator: CardPointeSimulator, order: SaleOrder, kind: str, after: timedelta
    ) -> None:
        lose(simulator, order, kind)

        found = find(order, after)

        assert found is not None
        assert (found.state, found.captured_minor) == ("succeeded", AMOUNT)
        assert found.external_id == f"cc_pay_{order.reference}"
        assert money_of(simulator, order) == TAKEN

    def test_is_adopted_before_the_till_has_to_wait(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.add_fault("drop_after", op="authCard")

        assert run(order).state == "succeeded"
        assert simulator.sessions() == []

    def test_held_money_stays_held(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        order = sale_for(org, counter, is_captured_at_once=False)
        lose(simulator, order, "drop_after")

        found = find(order)

        assert found is not None
        assert (found.state, found.authorized_minor) == ("requires_capture", AMOUNT)
        assert money_of(simulator, order) == [("Authorized", AMOUNT)]

    def test_a_decline_is_found(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "decline", code="NU")
        lose(simulator, order, "drop_after")

        found = find(order, AT_ONCE)

        assert found is not None
        assert (found.state, found.decline_code) == ("declined", "insufficient_funds")

    def test_asking_twice_tells_the_same(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")

        assert find(order) == find(order)

    def test_two_approvals_leave_the_newest(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        """The service sends an authorization again by itself, under the same reference."""
        simulator.settings(terminal_reauth=True, terminal_gateway_s=0)
        simulator.script(HSN, "gateway_late", seconds=60)
        simulator.add_fault("inquiry_down", times=2)  # of the service itself, and of ours
        simulator.add_fault("drop_after", op="authCard")
        with pytest.raises(OutcomeUnknown):
            run(order)
        simulator.advance(200)
        before = simulator.transactions(orderid=order.reference)
        assert len(before) == 2

        found = find(order)

        assert found is not None
        assert found.state == "succeeded"
        assert money_of(simulator, order) == TAKEN

    def test_a_row_that_we_lost_is_written_again(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")
        row = row_of(order)
        assert row is not None
        row.delete()

        found = find(order)

        assert found is not None
        assert found.state == "succeeded"
        assert state_of(order) == "approved"


class TestAbsent:
    def test_is_not_said_too_early(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        lose(simulator, order, "drop_before")

        with pytest.raises(OutcomeUnknown, match="too_early"):
            find(order, TOO_EARLY)

        assert asked(simulator, "voidByOrderId") == []

    def test_is_said_after_three_voids(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_before")

        assert find(order) is None
        assert len(asked(simulator, "voidByOrderId")) == 3
        assert state_of(order) == "absent"

    @pytest.mark.parametrize(
        "script",
        [
            {"outcome": "unplug_before_auth"},
            {"outcome": "error", "code": "1", "text": "Terminal request timed out"},
            {"outcome": "gateway_down"},
            {"outcome": "error", "code": "624"},
        ],
        ids=["unplugged", "nobody", "no gateway", "error"],
    )
    def test_after_errors_that_say_nothing(
        self, simulator: CardPointeSimulator, order: SaleOrder, script: dict[str, Any]
    ) -> None:
        simulator.settings(terminal_gateway_s=0)
        simulator.script(HSN, **script)

        with pytest.raises(OutcomeUnknown):
            run(order)
        with pytest.raises(OutcomeUnknown):
            find(order, TOO_EARLY)

        assert find(order) is None
        assert money_of(simulator, order) == []

    def test_what_is_absent_never_begins(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        """Its process was slow, and is given up before it wrote anything down."""
        sent_at = clock.now()
        assert driver.find_sale(order, sent_at=sent_at, now=sent_at + CERTAIN) is None

        with pytest.raises(DriverUnavailable, match="given_up"):
            run(order)

        assert asked(simulator, "authCard") == []

    def test_what_is_absent_does_not_begin_in_the_middle(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = sales.begin

        def given_up_meanwhile(*args: object, **more: object) -> object:
            now = clock.now()
            assert driver.find_sale(order, sent_at=now, now=now + CERTAIN) is None
            return begin(*args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(sales, "begin", given_up_meanwhile)

        with pytest.raises(DriverUnavailable, match="given_up"):
            run(order)

        assert asked(simulator, "authCard") == []
        assert simulator.sessions() == []

    def test_what_nobody_sent_is_not_there(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        assert driver.find_sale(order, sent_at=None, now=clock.now()) is None
        assert simulator.requests() == []

    def test_counts_from_when_the_reader_was_asked(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        """A person took minutes to choose a tip: the try is older than its authorization."""
        lose(simulator, order, "drop_before")
        early = clock.now() - timedelta(minutes=2)

        with pytest.raises(OutcomeUnknown, match="too_early"):
            driver.find_sale(order, sent_at=early, now=early + CERTAIN)


class TestLate:
    def test_one_that_arrives_in_time_is_adopted(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "late_commit", seconds=100)
        with pytest.raises(OutcomeUnknown):
            find(order, AT_ONCE)
        simulator.advance(120)

        found = find(order)

        assert found is not None
        assert found.state == "succeeded"
        assert money_of(simulator, order) == TAKEN

    def test_one_that_arrives_while_it_is_voided_does_not_stay(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lose(simulator, order, "late_commit", seconds=300)
        real = voiding.void_all

        def commit_first(*args: object) -> None:
            simulator.advance(400)
            real(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(voiding, "void_all", commit_first)

        found = find(order)

        assert found is not None
        assert found.state == "canceled"
        assert money_of(simulator, order) == []

    def test_a_retry_answer_is_no_decline_while_the_service_may_send_it_again(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        time_out_at_the_bank(simulator, order)

        with pytest.raises(OutcomeUnknown, match="may_be_sent_again"):
            find(order, TOO_EARLY)
        found = find(order)

        assert found is not None
        assert found.state == "declined"


def time_out_at_the_bank(simulator: CardPointeSimulator, order: SaleOrder) -> None:
    """Let the gateway have a time-out of the bank under the order's reference."""
    simulator.add_fault("b_code", proc="PPS", code="62")
    simulator.call(
        "auth",
        {
            "account": simulator.tokenize(VISA),
            "expiry": "1230",
            "amount": "49.00",
            "orderid": order.reference,
        },
    )
