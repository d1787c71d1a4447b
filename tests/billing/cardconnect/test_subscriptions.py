"""Subscriptions of our engine over the gateway: one charge for each period, whatever gets lost."""

import sys
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import finding, polling
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.engine.models import EngineRefund
from billing.enums import AttemptState, InvoiceStatus, RefundStatus, SubscriptionStatus
from billing.models import InboxEvent, PaymentAttempt
from billing.types import (
    Subject,
    SubscriptionSnapshot,
    SubscriptionSpec,
)
from orgs import references
from tests.billing.cardconnect.gateway_steps import open_shop, sent
from tests.billing.engine.engine_steps import Clock, Shop, new_key
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")

S = SubscriptionStatus


@pytest.fixture
def shop(simulator: CardPointeSimulator, clock: Clock) -> Shop:
    """A payer with a card at the gateway."""
    return open_shop(simulator, clock)


def taken(simulator: CardPointeSimulator) -> list[int]:
    """Return what was charged and not taken back, oldest first."""
    return [
        int(txn["captured"])
        for txn in simulator.transactions()
        if txn["respstat"] == "A" and txn["setlstat"] != "Voided" and txn["captured"]
    ]


def lose_start(shop: Shop, simulator: CardPointeSimulator, kind: str) -> SubscriptionSpec:
    """Start, and let the answer be lost."""
    spec = shop.spec()
    simulator.add_fault(kind)
    with pytest.raises(OutcomeUnknown):
        shop.driver.create_subscription(spec, idempotency_key=new_key())
    return spec


def find(shop: Shop, spec: SubscriptionSpec) -> SubscriptionSnapshot | None:
    return shop.driver.find_subscription(
        our_id=spec.our_id, external_customer_id=spec.external_customer_id
    )


class TestStarting:
    def test_is_charged_as_the_payers_own_and_keeps_the_card(
        self, shop: Shop, simulator: CardPointeSimulator
    ) -> None:
        started = shop.start()

        body = sent(simulator, "auth")[-1]
        assert started.status is S.ACTIVE
        assert taken(simulator) == [2900]
        assert [body[key] for key in ("ecomind", "cof", "cofscheduled", "cofpermission")] == [
            "E",
            "C",
            "Y",
            "Y",
        ]
        attempt = PaymentAttempt.objects.get()
        assert body["orderid"] == attempt.our_reference

    def test_one_that_went_through_is_adopted(
        self, shop: Shop, simulator: CardPointeSimulator
    ) -> None:
        spec = lose_start(shop, simulator, "drop_after")

        found = find(shop, spec)

        assert found is not None
        assert found.status is S.ACTIVE
        assert taken(simulator) == [2900]

    def test_one_that_arrives_late_is_one_charge(
        self, shop: Shop, simulator: CardPointeSimulator, clock: Clock
    ) -> None:
        spec = lose_start(shop, simulator, "late_commit")
        with pytest.raises((DriverUnavailable, OutcomeUnknown)):
            find(shop, spec)
        simulator.advance(25)
        clock.turn(seconds=25)

        found = find(shop, spec)

        assert found is not None
        assert found.status is S.ACTIVE
        assert taken(simulator) == [2900]

    def test_one_that_never_arrived_is_tried_again_under_another_order_id(
        self, shop: Shop, simulator: CardPointeSimulator, clock: Clock
    ) -> None:
        spec = lose_start(shop, simulator, "drop_before")
        clock.turn(seconds=finding.ABSENT_AFTER.total_seconds() + 1)
        assert find(shop, spec) is None

        again = shop.driver.create_subscription(spec, idempotency_key=new_key())

        assert again.status is S.ACTIVE
        assert taken(simulator) == [2900]
        ids = list(PaymentAttempt.objects.values_list("our_reference", flat=True))
        assert len(set(ids)) == 2

    def test_credentials_that_are_refused_decline_nobody(
        self, shop: Shop, simulator: CardPointeSimulator
    ) -> None:
        simulator.add_fault("http_401")

        with pytest.raises(DriverUnavailable):
            shop.start()

        attempt = PaymentAttempt.objects.get()
        assert (attempt.state, attempt.decline_code) == (AttemptState.NOT_PROCESSED, "")


class TestRenewing:
    @pytest.fixture
    def started(self, shop: Shop) -> SubscriptionSnapshot:
        return shop.start()

    def test_is_charged_once_and_as_ours(
        self, shop: Shop, simulator: CardPointeSimulator, started: SubscriptionSnapshot
    ) -> None:
        shop.at_period_end(started)
        shop.advance(started)

        body = sent(simulator, "auth")[-1]
        assert taken(simulator) == [2900, 2900]
        assert [body[key] for key in ("ecomind", "cof", "cofscheduled")] == ["R", "M", "Y"]
        assert "cofpermission" not in body
        assert "cvv2" not in body

    @pytest.mark.parametrize("kind", ["http_401", "http_429"])
    def test_what_was_not_processed_makes_nobody_overdue(
        self,
        shop: Shop,
        simulator: CardPointeSimulator,
        started: SubscriptionSnapshot,
        kind: str,
    ) -> None:
        more: dict[str, Any] = {"retry_after": 5} if kind == "http_429" else {}
        simulator.add_fault(kind, **more)

        step = shop.at_period_end(started)

        assert isinstance(step.error, DriverUnavailable)
        assert step.snapshot.status is S.ACTIVE
        assert taken(simulator) == [2900]

    def test_a_lost_answer_is_asked_about_and_never_sent_again(
        self,
        shop: Shop,
        simulator: CardPointeSimulator,
        started: SubscriptionSnapshot,
        clock: Clock,
    ) -> None:
        simulator.add_fault("drop_after")
        lost = shop.at_period_end(started)
        assert lost.snapshot.status is S.ACTIVE

        for _ in range(3):
            clock.turn(seconds=41)
            shop.advance(started)

        assert taken(simulator) == [2900, 2900]
        assert [invoice.status for invoice in shop.invoices(started)] == [InvoiceStatus.PAID] * 2

    def test_a_decline_is_overdue_with_its_reason(
        self, shop: Shop, simulator: CardPointeSimulator, started: SubscriptionSnapshot
    ) -> None:
        simulator.add_fault("decline", code="NU")

        step = shop.at_period_end(started)

        assert step.snapshot.status is S.PAST_DUE
        assert step.snapshot.latest_payment is not None
        assert step.snapshot.latest_payment.decline_code == "insufficient_funds"
        assert taken(simulator) == [2900]


class TestRefunding:
    def test_a_part_waits_for_settlement_and_is_told_then(
        self, shop: Shop, simulator: CardPointeSimulator
    ) -> None:
        simulator.settings(close_hour=None)
        started = shop.start()
        assert started.latest_payment is not None
        payment = started.latest_payment.external_id
        asked = shop.driver.refund_payment(
            payment,
            amount_minor=900,
            reason="requested_by_customer",
            reference=references.new_reference(),
            idempotency_key=new_key(),
        )
        assert asked.status is RefundStatus.PENDING
        simulator.close_batches()

        polling.send_queued_refunds(now=shop.clock.turn(hours=2))

        event = shop.driver.normalize_webhook(InboxEvent.objects.get().payload)
        assert event.subject == Subject("charge", payment)
        [refund] = shop.driver.retrieve_charge(payment).refunds
        assert (refund.external_id, refund.status) == (asked.external_id, RefundStatus.SUCCEEDED)
        [txn] = simulator.transactions(kind="refund")
        assert int(txn["amount"]) == 900

    def test_one_that_was_only_written_down_is_not_forgotten(
        self, shop: Shop, simulator: CardPointeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started = shop.start()
        assert started.latest_payment is not None
        payment = started.latest_payment.external_id
        monkeypatch.setattr(CardConnectRail, "refund_charge", lambda *_: sys.exit())
        with pytest.raises(SystemExit):  # as a process that ends between two lines
            shop.driver.refund_payment(
                payment,
                amount_minor=900,
                reason="requested_by_customer",
                reference=references.new_reference(),
                idempotency_key=new_key(),
            )

        assert polling.send_queued_refunds(now=shop.clock.turn(minutes=9)) == 0
        assert polling.send_queued_refunds(now=shop.clock.turn(minutes=2)) == 1
        assert polling.send_queued_refunds(now=shop.clock.turn(minutes=1)) == 0

        event = shop.driver.normalize_webhook(InboxEvent.objects.get().payload)
        assert event.subject == Subject("charge", payment)
        assert shop.driver.retrieve_charge(payment).refunds == ()
        assert EngineRefund.objects.get().status == RefundStatus.CANCELED
        assert simulator.transactions(kind="refund") == []
