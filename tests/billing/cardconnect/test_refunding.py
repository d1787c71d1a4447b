"""Money on its way back: voided before it settled, refunded afterwards, or waiting until then."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.drivers.cardconnect import queued_refunds
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.engine.rails import ChargeOrder, RefundResult
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    LATER,
    SENT_AT,
    live,
    order_for,
    rail,
    refund_of,
    refunded,
)
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


class TestBeforeSettlement:
    def test_all_of_it_is_voided(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        result = rail.refund_charge(refund_of(renewal, charge_id))

        assert result == RefundResult("succeeded", external_id=charge_id)
        assert live(simulator, renewal.reference) == []
        assert refunded(simulator) == []

    def test_a_part_waits(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(renewal, charge_id, 1900)

        assert rail.refund_charge(wanted) == RefundResult("pending")
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) == RefundResult("pending")
        assert simulator.requests(op="void") == simulator.requests(op="refund") == []

    def test_what_waits_is_given_back_once_it_can_be(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(renewal, charge_id, 1900)
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
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str, amount: int
    ) -> None:
        wanted = refund_of(renewal, settled, amount)

        result = rail.refund_charge(wanted)

        [txn] = simulator.transactions(kind="refund")
        assert result.state == "succeeded"
        assert (txn["orderid"], int(txn["amount"])) == (wanted.reference, amount)

    def test_the_same_reference_is_the_same_refund(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(renewal, settled, 1900)

        assert rail.refund_charge(wanted) == rail.refund_charge(wanted)
        assert refunded(simulator) == [1900]

    def test_never_more_than_was_charged(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        rail.refund_charge(refund_of(renewal, settled, 3000))

        with pytest.raises(DriverRejected) as caught:
            rail.refund_charge(refund_of(renewal, settled, 1901))

        assert caught.value.detail == "refund_too_large"
        assert rail.refund_charge(refund_of(renewal, settled, 1900)).state == "succeeded"
        assert sum(refunded(simulator)) == 4900

    def test_a_bank_may_refuse(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        simulator.add_fault("decline", op="refund", code="05")

        result = rail.refund_charge(refund_of(renewal, settled))

        assert (result.state, result.error_code) == ("failed", "declined")

    def test_not_of_somebody_elses_charge(
        self,
        simulator: CardPointeSimulator,
        renewal: ChargeOrder,
        settled: str,
        other_org: Organization,
    ) -> None:
        stranger = order_for(other_org, renewal.method_id)

        with pytest.raises(DriverRejected) as caught:
            rail.refund_charge(refund_of(stranger, settled))

        assert caught.value.detail == "no_such_charge"


class TestVoidCharge:
    def test_takes_back_what_is_not_settled(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        assert rail.void_charge(renewal, charge_id=charge_id) is True
        assert live(simulator, renewal.reference) == []
        assert GatewayTransaction.objects.get(retref=charge_id).state == "voided"

    def test_twice_is_still_taken_back(self, renewal: ChargeOrder, charge_id: str) -> None:
        rail.void_charge(renewal, charge_id=charge_id)

        assert rail.void_charge(renewal, charge_id=charge_id) is True

    @pytest.mark.parametrize("answer", ["A", "C"])
    def test_is_too_late_after_it_settled_whatever_the_answer_says(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str, answer: Any
    ) -> None:
        simulator.settings(void_of_settled="26" if answer == "A" else "27")

        assert rail.void_charge(renewal, charge_id=settled) is False
        assert len(live(simulator, renewal.reference)) == 1

    def test_a_lost_answer_is_asked_about(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        simulator.add_fault("drop_after", op="void")

        assert rail.void_charge(renewal, charge_id=charge_id) is True

    def test_a_lost_request_is_not_taken_for_done(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        simulator.add_fault("void_down")

        with pytest.raises(DriverUnavailable):
            rail.void_charge(renewal, charge_id=charge_id)
        assert len(live(simulator, renewal.reference)) == 1
