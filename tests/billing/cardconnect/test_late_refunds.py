"""A process that stood still while it gave money back, and was taken for dead."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import calls, transport
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.engine.rails import LEAVE_WITHIN, ChargeOrder, RefundOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import order_for, rail, refund_of, save, sent
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def order(simulator: CardPointeSimulator, org: Organization) -> ChargeOrder:
    simulator.settings(close_hour=None)
    return order_for(org, save(simulator, org).external_id)


@pytest.fixture
def refund(simulator: CardPointeSimulator, order: ChargeOrder) -> RefundOrder:
    """A part of a payment that is settled."""
    charge_id = rail.charge(order).external_id
    simulator.close_batches()
    return refund_of(order, charge_id, 700)


def state_of(refund: RefundOrder) -> str:
    return GatewayTransaction.objects.get(reference=refund.reference).state


def stand_still(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let time pass between the write-down of a refund and its request."""
    send, now = transport.send, clock.now

    def sending(merchant: Any, method: str, path: str, **more: Any) -> Any:
        if path != "refund":
            return send(merchant, method, path, **more)
        with monkeypatch.context() as later:
            later.setattr(clock, "now", lambda _=None: now() + by)
            return send(merchant, method, path, **more)

    monkeypatch.setattr(transport, "send", sending)


class TestLeaving:
    def test_a_refund_never_leaves_late(
        self, simulator: CardPointeSimulator, refund: RefundOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_still(monkeypatch, LEAVE_WITHIN + timedelta(seconds=1))

        with pytest.raises(DriverUnavailable):
            rail.refund_charge(refund)

        assert sent(simulator, "refund") == []
        assert state_of(refund) == TransactionState.ABSENT

    def test_one_in_time_does(
        self, simulator: CardPointeSimulator, refund: RefundOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_still(monkeypatch, LEAVE_WITHIN - timedelta(seconds=1))

        assert rail.refund_charge(refund).state == "succeeded"

    def test_a_charge_never_leaves_late(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        late = order_for(
            org, save(simulator, org).external_id, leave_by=clock.now() - timedelta(seconds=1)
        )

        with pytest.raises(DriverUnavailable) as caught:
            rail.charge(late)

        assert caught.value.detail == "not_sent"
        assert late.reference not in {body["orderid"] for body in sent(simulator, "auth")}

    def test_taking_back_a_whole_payment_never_leaves_late(
        self, simulator: CardPointeSimulator, order: ChargeOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        charge_id = rail.charge(order).external_id
        void = calls.void

        def late(merchant: Any, retref: str, **more: Any) -> Any:
            more["leave_by"] -= LEAVE_WITHIN + timedelta(seconds=1)
            return void(merchant, retref, **more)

        monkeypatch.setattr(calls, "void", late)

        with pytest.raises((DriverUnavailable, OutcomeUnknown)):
            rail.refund_charge(refund_of(order, charge_id))

        assert sent(simulator, "void") == []


class TestTakenForAbsent:
    def test_a_lost_answer_has_it_asked_about_again(
        self, simulator: CardPointeSimulator, refund: RefundOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give_back = calls.refund

        def slow(*given: Any, **more: Any) -> Any:
            rows = GatewayTransaction.objects.filter(reference=refund.reference)
            rows.update(state=TransactionState.ABSENT)  # somebody has asked, and found none
            return give_back(*given, **more)

        monkeypatch.setattr(calls, "refund", slow)
        simulator.add_fault("drop_after", op="refund")

        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(refund)

        assert state_of(refund) == TransactionState.SENT
        found = rail.find_refund(refund, sent_at=clock.now(), now=clock.now())
        assert found is not None
        assert found.state == "succeeded"

    def test_one_that_provably_did_not_leave_is_not_sent_later(
        self, simulator: CardPointeSimulator, refund: RefundOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: Any, **__: Any) -> Any:
            rows = GatewayTransaction.objects.filter(reference=refund.reference)
            rows.update(state=TransactionState.ABSENT)
            raise DriverUnavailable("API_ERROR", detail="not_sent")

        monkeypatch.setattr(calls, "refund", refused)
        row, wait = GatewayTransaction.objects, TransactionState.QUEUED

        with pytest.raises(DriverUnavailable):
            rail.refund_charge(refund)

        assert not row.filter(reference=refund.reference, state=wait).exists()
