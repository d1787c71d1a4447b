"""From stored events to applied state."""

import pytest
from django.utils import timezone

from billing.enums import FactKind, InboxState, SubscriptionStatus
from billing.models import (
    MirrorTodo,
    PaymentAttempt,
    PaymentFact,
    Price,
    Subscription,
)
from billing.services import inbox, retries
from tests.billing.builders import make_subscription
from tests.billing.dispatch_steps import NOBODY, about_subscription, drain, store, waiting_start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


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
        before = stripe.calls_so_far()

        assert drain() == 7

        fetched = stripe.requests(since=before)
        subscriptions = [r for r in fetched if r["path"].startswith("/v1/subscriptions")]
        assert [r["path"] for r in subscriptions] == [f"/v1/subscriptions/{external_id}"]
        assert len(fetched) <= 2  # and the payment behind its invoice

    def test_an_event_that_means_nothing_to_us_is_done(self, db: None) -> None:
        row = store("evt_1", "customer.created", {"id": "cus_1", "object": "customer"})

        drain()

        row.refresh_from_db()
        assert row.state == InboxState.DONE

    def test_objects_are_noted_for_the_mirror_once(self, stripe: StripeSimulator) -> None:
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
        assert fact.kind == FactKind.PAYMENT_FAILED
        assert fact.external_id.startswith("in_1:1:")
        assert fact.subscription == subscription


@pytest.mark.usefixtures("stripe")
class TestFactsWithoutASubscription:
    """Charges that Stripe does not know any more: what happened to them stands all the same."""

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
