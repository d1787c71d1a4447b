"""Refunds that had waited, were sent, and whose outcome nobody heard."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.drivers.cardconnect import lost_refunds, queued_refunds
from billing.engine.rails import RefundOrder
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import order_for, rail, refund_of, save
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def waiting(simulator: CardPointeSimulator, org: Organization) -> RefundOrder:
    """A part of a charge, which can be given back now that the charge is settled."""
    simulator.settings(close_hour=None)
    order = order_for(org, save(simulator, org).external_id)
    wanted = refund_of(order, rail.charge(order).external_id, 1900)
    assert rail.refund_charge(wanted).state == "pending"
    simulator.close_batches()
    return wanted


def refunded(simulator: CardPointeSimulator) -> list[int]:
    return [int(txn["amount"]) for txn in simulator.transactions(kind="refund")]


class TestFindLost:
    def test_one_that_arrived_is_found(
        self, simulator: CardPointeSimulator, waiting: RefundOrder
    ) -> None:
        now = timezone.now()
        simulator.add_fault("drop_after", op="refund")
        assert queued_refunds.send_queued(now=now + timedelta(hours=2)) == []

        assert lost_refunds.find_lost(now=now + timedelta(minutes=9)) == []
        found = lost_refunds.find_lost(now=now + timedelta(minutes=11))

        assert [row.reference for row in found] == [waiting.reference]
        assert queued_refunds.send_queued(now=now + timedelta(hours=4)) == []
        assert refunded(simulator) == [1900]

    def test_one_that_did_not_is_sent_again(
        self, simulator: CardPointeSimulator, waiting: RefundOrder
    ) -> None:
        now = timezone.now()
        simulator.add_fault("drop_before", op="refund")
        assert queued_refunds.send_queued(now=now + timedelta(hours=2)) == []

        assert lost_refunds.find_lost(now=now + timedelta(minutes=11)) == []
        sent = queued_refunds.send_queued(now=now + timedelta(hours=4))

        assert [row.reference for row in sent] == [waiting.reference]
        assert refunded(simulator) == [1900]

    def test_nothing_is_decided_while_nobody_answers(
        self, simulator: CardPointeSimulator, waiting: RefundOrder
    ) -> None:
        now = timezone.now()
        simulator.add_fault("drop_before", op="refund")
        queued_refunds.send_queued(now=now + timedelta(hours=2))
        simulator.add_fault("inquiry_down")

        assert lost_refunds.find_lost(now=now + timedelta(minutes=11)) == []

        assert queued_refunds.send_queued(now=now + timedelta(hours=4)) == []
        assert refunded(simulator) == []
