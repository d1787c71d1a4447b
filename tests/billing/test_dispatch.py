"""From stored events to applied state."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.enums import FactKind, InboxState, Provider, SubscriptionStatus
from billing.models import (
    InboxEvent,
    MirrorTodo,
    PaymentAttempt,
    PaymentFact,
    Price,
    Subscription,
)
from billing.services import dispatch, inbox, retries, subscribe
from billing.types import Cause
from orgs import clock
from tests.billing.builders import make_organization, make_subscription
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

NOBODY = "sub_of_somebody_else"


def store(event_id: str, type_: str, obj: dict[str, Any], **fields: Any) -> InboxEvent:
    return InboxEvent.objects.create(
        provider=Provider.STRIPE,
        external_id=event_id,
        type=type_,
        payload={
            "id": event_id,
            "object": "event",
            "type": type_,
            "created": 1_780_000_000,
            "data": {"object": obj},
        },
        **fields,
    )


def about_subscription(event_id: str, external_id: str, **fields: Any) -> InboxEvent:
    obj = {"id": external_id, "object": "subscription", "customer": "cus_1", "metadata": {}}
    return store(event_id, "customer.subscription.updated", obj, **fields)


def drain() -> int:
    return dispatch.drain_inbox(now=clock.now())


def waiting_start(price: Price) -> Subscription:
    """A start whose card has still to be entered, so that the provider knows it."""
    return subscribe.start_subscription(
        organization=make_organization(),
        request=subscribe.StartRequest(price=price),
        cause=Cause("request"),
        now=clock.now(),
    ).subscription


def forget_the_answer(subscription: Subscription) -> None:
    """Leave our rows as a worker does that died before the answer came."""
    Subscription.objects.filter(pk=subscription.pk).update(external_id="", snapshot_at=None)


class TestHandled:
    def test_a_webhook_that_beats_the_answer_finds_its_row(
        self, catalogue: dict[str, Price]
    ) -> None:
        subscription = waiting_start(catalogue["starter:month"])
        external_id = subscription.external_id
        forget_the_answer(subscription)
        row = about_subscription("evt_1", external_id)

        assert drain() == 1

        row.refresh_from_db()
        assert row.state == InboxState.DONE
        assert row.handled_at is not None
        assert row.organization_id == subscription.organization_id
        subscription.refresh_from_db()
        assert subscription.external_id == external_id

    def test_many_events_about_one_object_cost_one_fetch(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        for number in range(7):
            about_subscription(f"evt_{number}", external_id)
        before = len(stripe.requests())

        assert drain() == 7

        fetched = stripe.requests()[before:]
        subscriptions = [r for r in fetched if r["path"].startswith("/v1/subscriptions")]
        assert [r["path"] for r in subscriptions] == [f"/v1/subscriptions/{external_id}"]
        assert len(fetched) <= 2  # and the payment behind its invoice

    def test_an_event_that_means_nothing_to_us_is_done(self, db: None) -> None:
        row = store("evt_1", "customer.created", {"id": "cus_1", "object": "customer"})

        drain()

        row.refresh_from_db()
        assert row.state == InboxState.DONE

    def test_objects_are_noted_for_the_mirror_once(self, db: None) -> None:
        store("evt_1", "customer.created", {"id": "cus_1", "object": "customer"})
        store("evt_2", "customer.updated", {"id": "cus_1", "object": "customer"})

        drain()

        todo = MirrorTodo.objects.get()
        assert (todo.object_type, todo.external_id, todo.generation) == ("customer", "cus_1", 2)

    def test_a_failed_payment_is_kept_once(self, catalogue: dict[str, Price]) -> None:
        subscription = waiting_start(catalogue["starter:month"])
        invoice = {
            "id": "in_1",
            "object": "invoice",
            "attempt_count": 1,
            "amount_due": 2900,
            "currency": "usd",
            "customer": subscription.customer.external_id,
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": subscription.external_id, "metadata": {}},
            },
        }
        store("evt_1", "invoice.payment_failed", invoice)
        store("evt_2", "invoice.payment_failed", invoice)

        drain()

        fact = PaymentFact.objects.get()
        assert (fact.kind, fact.external_id) == (FactKind.PAYMENT_FAILED, "in_1:1")
        assert fact.subscription == subscription


class TestFactsWithoutASubscription:
    CHARGE = {
        "id": "ch_1",
        "object": "charge",
        "amount": 2900,
        "amount_refunded": 900,
        "currency": "usd",
        "payment_intent": "pi_1",
    }

    def test_a_refund_is_placed_by_its_customer(self) -> None:
        subscription = make_subscription()
        store("evt_1", "charge.refunded", {**self.CHARGE, "customer": _customer(subscription)})

        assert drain() == 1

        fact = PaymentFact.objects.get()
        assert (fact.kind, fact.organization) == (FactKind.REFUNDED, subscription.organization)

    def test_a_dispute_is_placed_by_its_payment(self) -> None:
        subscription = make_subscription()
        PaymentAttempt.objects.update(external_id="pi_1")
        dispute = {
            "id": "du_1",
            "object": "dispute",
            "amount": 2900,
            "currency": "usd",
            "charge": "ch_1",
            "payment_intent": "pi_1",
            "reason": "fraudulent",
            "status": "needs_response",
        }
        store("evt_1", "charge.dispute.created", dispute)

        assert drain() == 1

        fact = PaymentFact.objects.get()
        assert (fact.kind, fact.organization) == (FactKind.DISPUTED, subscription.organization)

    def test_nobodys_is_kept_for_later(self) -> None:
        row = store("evt_1", "charge.refunded", {**self.CHARGE, "customer": "cus_nobody"})

        assert drain() == 0

        row.refresh_from_db()
        assert (row.state, row.error) == (InboxState.FAILED, "UnknownCustomer: cus_nobody")


def _customer(subscription: Subscription) -> str:
    external_id: str = subscription.customer.external_id
    return external_id


class TestNotOurs:
    def test_is_kept_visible_and_tried_again_later(self, db: None, stripe: StripeSimulator) -> None:
        row = about_subscription("evt_1", NOBODY)

        assert drain() == 0

        row.refresh_from_db()
        assert row.state == InboxState.FAILED
        assert row.attempts == 1
        assert row.error
        assert row.next_attempt_at > timezone.now()
        assert drain() == 0

    def test_is_dead_after_the_last_try_and_replayed_by_hand(
        self, db: None, stripe: StripeSimulator
    ) -> None:
        row = about_subscription("evt_1", NOBODY, attempts=retries.MAX_ATTEMPTS - 1)
        drain()
        row.refresh_from_db()
        assert row.state == InboxState.DEAD

        assert inbox.replay_events([row.pk]) == 1

        row.refresh_from_db()
        assert (row.state, row.attempts) == (InboxState.PENDING, 0)

    def test_does_not_hold_up_its_neighbours(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        about_subscription("evt_1", NOBODY)
        about_subscription("evt_2", external_id)

        assert drain() == 1


class TestTrouble:
    def test_a_provider_that_fails_is_asked_again_later(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        row = about_subscription("evt_1", external_id)
        stripe.add_fault(
            method="GET", path=f"/v1/subscriptions/{external_id}", times=10, status=500
        )

        assert drain() == 0

        row.refresh_from_db()
        assert (row.state, row.error) == (
            InboxState.FAILED,
            "DriverUnavailable: API_ERROR api_error",
        )
        stripe.clear_faults()
        InboxEvent.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        assert drain() == 1

    def test_an_unreadable_payload_fails_alone(self, db: None) -> None:
        broken = InboxEvent.objects.create(
            provider=Provider.STRIPE, external_id="evt_1", type="invoice.paid", payload=[1]
        )
        fine = store("evt_2", "customer.created", {"id": "cus_1", "object": "customer"})

        assert drain() == 1

        broken.refresh_from_db()
        fine.refresh_from_db()
        assert (broken.state, fine.state) == (InboxState.FAILED, InboxState.DONE)

    def test_a_surprise_while_applying_fails_only_that_object(
        self, catalogue: dict[str, Price], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        row = about_subscription("evt_1", external_id)

        def explode(**_: Any) -> None:
            raise RuntimeError("4242424242424242")

        monkeypatch.setattr("billing.services.projection.converge", explode)

        assert drain() == 0

        row.refresh_from_db()
        assert (row.state, row.error) == (InboxState.FAILED, "RuntimeError")

    def test_a_claim_that_was_taken_over_is_not_ours_to_finish(
        self, catalogue: dict[str, Price], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        subscription = waiting_start(catalogue["starter:month"])
        row = about_subscription("evt_1", subscription.external_id)
        driver = registry.get_driver(Provider.STRIPE)
        fetch = driver.retrieve_subscription

        def slow(external_id: str) -> Any:
            later = timezone.now() + timedelta(seconds=1)
            InboxEvent.objects.filter(pk=row.pk).update(claimed_at=later)
            return fetch(external_id)

        monkeypatch.setattr(driver, "retrieve_subscription", slow)

        assert drain() == 0

        row.refresh_from_db()
        assert row.state == InboxState.PROCESSING


class TestReclaim:
    def test_frees_what_a_dead_worker_held(self, db: None) -> None:
        row = about_subscription(
            "evt_1",
            NOBODY,
            state=InboxState.PROCESSING,
            attempts=1,
            claimed_at=timezone.now() - timedelta(seconds=301),
        )
        held = about_subscription(
            "evt_2", NOBODY, state=InboxState.PROCESSING, claimed_at=timezone.now()
        )

        assert retries.reclaim_events(lease_s=300) == 1

        row.refresh_from_db()
        held.refresh_from_db()
        assert (row.state, held.state) == (InboxState.FAILED, InboxState.PROCESSING)

    def test_buries_what_kills_its_worker_every_time(self, db: None) -> None:
        row = about_subscription(
            "evt_1",
            NOBODY,
            state=InboxState.PROCESSING,
            attempts=retries.MAX_ATTEMPTS,
            claimed_at=timezone.now() - timedelta(seconds=301),
        )

        retries.reclaim_events(lease_s=300)

        row.refresh_from_db()
        assert row.state == InboxState.DEAD


class TestPauses:
    def test_grow_to_an_hour(self) -> None:
        assert [retries.pause_s(n) for n in (1, 2, 3, 4)] == [5, 15, 45, 135]
        assert retries.pause_s(99) == 3600

    def test_errors_are_described_without_what_they_quote(self) -> None:
        assert retries.describe(RuntimeError("secret")) == "RuntimeError"
        assert retries.describe(DriverUnavailable("API_ERROR")) == "DriverUnavailable: API_ERROR"


def test_a_subscription_that_is_unknown_at_the_provider_changes_nothing(
    db: None, stripe: StripeSimulator
) -> None:
    subscription = make_subscription(external_id="sub_gone")
    row = about_subscription("evt_1", "sub_gone")

    drain()

    row.refresh_from_db()
    subscription.refresh_from_db()
    assert row.state == InboxState.FAILED
    assert subscription.status == SubscriptionStatus.INCOMPLETE
