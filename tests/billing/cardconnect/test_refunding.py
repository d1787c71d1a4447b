"""Money on its way back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import calls, queued_refunds
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.engine.rails import ChargeOrder, RefundOrder, RefundResult
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    LATER,
    SENT_AT,
    SOON,
    live,
    order_for,
    rail,
    refund_of,
    save,
)
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def order(simulator: CardPointeSimulator, org: Organization) -> ChargeOrder:
    """What is charged."""
    simulator.settings(close_hour=None)
    return order_for(org, save(simulator, org).external_id)


@pytest.fixture
def charge_id(order: ChargeOrder) -> str:
    """A charge that went through and is not settled."""
    return rail.charge(order).external_id


@pytest.fixture
def settled(simulator: CardPointeSimulator, charge_id: str) -> str:
    """A charge that is settled."""
    simulator.close_batches()
    return charge_id


def refunded(simulator: CardPointeSimulator) -> list[int]:
    return [int(txn["amount"]) for txn in simulator.transactions(kind="refund")]


class TestOnlyBegun:
    """Nobody knows of a refund that one process is about to try whether it will be given."""

    def begin(
        self, wanted: RefundOrder, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]
    ) -> None:
        """Begin a refund; the gateway does not answer the first question about its charge."""

        def ask(*_asked: object) -> list[dict[str, Any]]:
            meanwhile()
            raise DriverUnavailable("API_ERROR", detail="inquireByOrderid_no_answer")

        with monkeypatch.context() as patch:
            patch.setattr(calls, "inquire_by_order", ask)
            rail.refund_charge(wanted)

    def test_whoever_asks_meanwhile_is_not_told_that_it_waits(
        self, charge_id: str, order: ChargeOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = refund_of(order, charge_id, 1900)

        def rival() -> None:
            with pytest.raises(OutcomeUnknown):
                rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        with pytest.raises(DriverUnavailable):
            self.begin(wanted, monkeypatch, rival)

        assert rail.find_refund(wanted, sent_at=SENT_AT, now=SOON) is None

    def test_it_is_not_sent_once_somebody_was_told_that_there_is_none(
        self,
        simulator: CardPointeSimulator,
        settled: str,
        order: ChargeOrder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        wanted = refund_of(order, settled, 1900)
        ask = calls.inquire_by_order

        def slowly(*asked: Any) -> list[dict[str, Any]]:
            monkeypatch.setattr(calls, "inquire_by_order", ask)
            in_a_minute = timezone.now() + timedelta(seconds=61)
            assert rail.find_refund(wanted, sent_at=SENT_AT, now=in_a_minute) is None
            return ask(*asked)

        monkeypatch.setattr(calls, "inquire_by_order", slowly)

        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        assert refunded(simulator) == []
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) is None


class TestBeforeSettlement:
    def test_all_of_it_is_voided(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        result = rail.refund_charge(refund_of(order, charge_id))

        assert result == RefundResult("succeeded", external_id=charge_id)
        assert live(simulator, order.reference) == []
        assert refunded(simulator) == []

    def test_a_part_waits(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(order, charge_id, 1900)

        assert rail.refund_charge(wanted) == RefundResult("pending")
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) == RefundResult("pending")
        assert simulator.requests(op="void") == simulator.requests(op="refund") == []

    def test_what_waits_is_given_back_once_it_can_be(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(order, charge_id, 1900)
        rail.refund_charge(wanted)
        in_an_hour = timezone.now() + timedelta(hours=1, minutes=1)

        assert queued_refunds.send_queued(now=in_an_hour) == []
        simulator.close_batches()
        assert queued_refunds.send_queued(now=timezone.now()) == []
        decided = queued_refunds.send_queued(now=in_an_hour)
        assert [row.reference for row in decided] == [wanted.reference]

        found = rail.find_refund(wanted, sent_at=SENT_AT, now=LATER)
        assert found is not None
        assert found.state == "succeeded"
        assert refunded(simulator) == [1900]
        assert queued_refunds.send_queued(now=in_an_hour + timedelta(days=1)) == []


class TestAfterSettlement:
    @pytest.mark.parametrize("amount", [4900, 1900])
    def test_is_refunded_under_a_reference_of_its_own(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str, amount: int
    ) -> None:
        wanted = refund_of(order, settled, amount)

        result = rail.refund_charge(wanted)

        [txn] = simulator.transactions(kind="refund")
        assert result.state == "succeeded"
        assert (txn["orderid"], int(txn["amount"])) == (wanted.reference, amount)

    def test_the_same_reference_is_the_same_refund(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(order, settled, 1900)

        assert rail.refund_charge(wanted) == rail.refund_charge(wanted)
        assert refunded(simulator) == [1900]

    def test_never_more_than_was_charged(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        rail.refund_charge(refund_of(order, settled, 3000))

        with pytest.raises(DriverRejected) as caught:
            rail.refund_charge(refund_of(order, settled, 1901))

        assert caught.value.detail == "refund_too_large"
        assert rail.refund_charge(refund_of(order, settled, 1900)).state == "succeeded"
        assert sum(refunded(simulator)) == 4900

    def test_a_bank_may_refuse(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        simulator.add_fault("decline", op="refund", code="05")

        result = rail.refund_charge(refund_of(order, settled))

        assert (result.state, result.error_code) == ("failed", "declined")

    def test_not_of_somebody_elses_charge(
        self,
        simulator: CardPointeSimulator,
        order: ChargeOrder,
        settled: str,
        other_org: Organization,
    ) -> None:
        stranger = order_for(other_org, order.method_id)

        with pytest.raises(DriverRejected) as caught:
            rail.refund_charge(refund_of(stranger, settled))

        assert caught.value.detail == "no_such_charge"


class TestNoAnswer:
    def test_one_that_went_through_is_found(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(order, settled, 1900)
        simulator.add_fault("drop_after", op="refund")
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        found = rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        assert found is not None
        assert found.state == "succeeded"
        assert refunded(simulator) == [1900]

    def test_one_that_did_not_is_absent_only_later(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(order, settled, 1900)
        simulator.add_fault("drop_before", op="refund")
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        with pytest.raises(OutcomeUnknown):
            rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)
        later = timezone.now() + timedelta(seconds=41)
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=later) is None

        assert rail.refund_charge(refund_of(order, settled)).state == "succeeded"
        assert refunded(simulator) == [4900]

    def test_one_that_was_not_begun_in_time_never_is(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(order, settled)

        with pytest.raises(OutcomeUnknown):
            rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) is None

        assert rail.refund_charge(wanted).state == "failed"
        assert refunded(simulator) == []

    def test_a_void_that_went_through_is_found(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(order, charge_id)
        simulator.add_fault("drop_after", op="void")
        simulator.add_fault("inquiry_down", skip=1)
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        found = rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        assert found == RefundResult("succeeded", external_id=charge_id)
        assert live(simulator, order.reference) == []

    def test_nothing_is_kept_of_one_that_nobody_could_be_asked_about(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(order, settled)
        simulator.add_fault("inquiry_down")

        with pytest.raises(DriverUnavailable):
            rail.refund_charge(wanted)

        assert rail.find_refund(wanted, sent_at=SENT_AT, now=SOON) is None
        assert refunded(simulator) == []

    def test_a_limit_met_by_one_that_waits_leaves_it_waiting(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(order, charge_id, 1900)
        rail.refund_charge(wanted)
        simulator.close_batches()
        simulator.add_fault("http_429", op="refund", retry_after=5)

        assert queued_refunds.send_queued(now=timezone.now() + timedelta(hours=2)) == []
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) == RefundResult("pending")
        assert len(queued_refunds.send_queued(now=timezone.now() + timedelta(hours=4))) == 1
        assert refunded(simulator) == [1900]

    def test_a_limit_frees_what_was_reserved(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str
    ) -> None:
        simulator.add_fault("http_429", op="refund", retry_after=5)
        with pytest.raises(DriverUnavailable):
            rail.refund_charge(refund_of(order, settled))

        assert rail.refund_charge(refund_of(order, settled)).state == "succeeded"
        assert refunded(simulator) == [4900]


class TestVoidCharge:
    def test_takes_back_what_is_not_settled(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        assert rail.void_charge(order, charge_id=charge_id) is True
        assert live(simulator, order.reference) == []
        assert GatewayTransaction.objects.get(retref=charge_id).state == "voided"

    def test_twice_is_still_taken_back(self, order: ChargeOrder, charge_id: str) -> None:
        rail.void_charge(order, charge_id=charge_id)

        assert rail.void_charge(order, charge_id=charge_id) is True

    @pytest.mark.parametrize("answer", ["A", "C"])
    def test_is_too_late_after_it_settled_whatever_the_answer_says(
        self, simulator: CardPointeSimulator, order: ChargeOrder, settled: str, answer: Any
    ) -> None:
        simulator.settings(void_of_settled="26" if answer == "A" else "27")

        assert rail.void_charge(order, charge_id=settled) is False
        assert len(live(simulator, order.reference)) == 1

    def test_a_lost_answer_is_asked_about(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        simulator.add_fault("drop_after", op="void")

        assert rail.void_charge(order, charge_id=charge_id) is True

    def test_a_lost_request_is_not_taken_for_done(
        self, simulator: CardPointeSimulator, order: ChargeOrder, charge_id: str
    ) -> None:
        simulator.add_fault("void_down")

        with pytest.raises(DriverUnavailable):
            rail.void_charge(order, charge_id=charge_id)
        assert len(live(simulator, order.reference)) == 1
