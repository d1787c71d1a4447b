"""The one function through which a provider's truth reaches our tables."""

from datetime import timedelta

import pytest

from billing import handlers
from billing.enums import (
    AttemptState,
    CaseKind,
    FactKind,
    ObligationState,
    Provider,
    SubscriptionStatus,
)
from billing.models import BillingEvent, Case, Customer, PaymentFact, Subscription
from billing.selectors import payments
from billing.services import projection
from billing.types import Fact
from notifications.models import Message
from orgs.models import PlanStatus
from tests.billing.builders import (
    NOW,
    make_organization,
    make_price,
    make_subscription,
    snapshot_of,
)
from tests.billing.projection_steps import converge, types

pytestmark = pytest.mark.django_db


class TestFirstPayment:
    def test_activates_subscription_and_organization(self) -> None:
        subscription = make_subscription()

        done = converge(snapshot_of(subscription))

        assert done.applied
        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.ACTIVE
        assert subscription.activated_at == NOW
        assert subscription.current_period_end == NOW + timedelta(days=31)
        organization = subscription.organization
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE
        assert organization.plan_id == subscription.plan_version.plan_id

    def test_settles_the_debt_by_the_attempt(self) -> None:
        subscription = make_subscription()

        converge(snapshot_of(subscription))

        attempt = payments.latest_attempt(subscription)
        assert (attempt.state, attempt.external_id) == (AttemptState.SUCCEEDED, "pi_1")
        assert attempt.obligation.state == ObligationState.SETTLED

    def test_writes_its_lines_once_with_their_cause_and_queues_one_mail(self) -> None:
        subscription = make_subscription()

        converge(snapshot_of(subscription))
        converge(snapshot_of(subscription), at=1)

        assert types(subscription.organization) == [
            "billing.subscription.activated",
            "billing.access.changed",
        ]
        event = BillingEvent.objects.get(organization=subscription.organization, sequence=1)
        assert event.summary == "Bistro is active."
        assert event.cause == {
            "kind": "webhook",
            "id": "evt_1",
            "detail": "customer.subscription.updated",
        }
        message = Message.objects.get()
        assert (message.kind, message.key) == ("subscription_confirmed", str(subscription.pk))

    def test_replaces_the_free_plan(self) -> None:
        organization = make_organization()
        free_price = make_price("gratis", amount_minor=0)
        payer = Customer.objects.create(organization=organization, provider=Provider.CUSTOM)
        free = Subscription.objects.create(
            organization=organization,
            customer=payer,
            provider=Provider.CUSTOM,
            is_free=True,
            status=SubscriptionStatus.ACTIVE,
            plan_version=free_price.plan_version,
            price=free_price,
        )
        subscription = make_subscription(organization)

        converge(snapshot_of(subscription))

        free.refresh_from_db()
        assert (free.status, free.ended_at) == (SubscriptionStatus.CANCELED, NOW)
        assert types(organization) == [
            "billing.subscription.replaced",
            "billing.subscription.activated",
            "billing.access.changed",
        ]

    def test_runs_registered_handlers_inside_the_transaction(self) -> None:
        seen: list[str] = []

        def handler(event: BillingEvent) -> None:
            seen.append(event.summary)

        handlers.register("billing.subscription.activated", handler)
        try:
            converge(snapshot_of(make_subscription()))
        finally:
            handlers.unregister("billing.subscription.activated", handler)

        assert seen == ["Bistro is active."]


class TestOrder:
    def test_drops_a_snapshot_whose_fetch_began_earlier(self) -> None:
        subscription = make_subscription()
        converge(snapshot_of(subscription), at=10)

        old = snapshot_of(subscription, status=SubscriptionStatus.PAST_DUE)
        done = converge(old, at=9)

        assert not done.applied
        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.ACTIVE

    def test_applies_one_of_the_same_instant(self) -> None:
        subscription = make_subscription()
        converge(snapshot_of(subscription), at=10)

        done = converge(snapshot_of(subscription, status=SubscriptionStatus.PAST_DUE), at=10)

        assert done.applied

    def test_keeps_the_facts_of_a_dropped_snapshot(self) -> None:
        subscription = make_subscription()
        converge(snapshot_of(subscription), at=10)
        fact = Fact(FactKind.PAYMENT_FAILED, "in_1:1", NOW, 2900, "usd", {"code": "card_declined"})

        converge(snapshot_of(subscription), at=5, happened=[fact])
        converge(snapshot_of(subscription), at=6, happened=[fact])

        row = PaymentFact.objects.get()
        assert (row.external_id, row.amount_minor) == ("in_1:1", 2900)
        assert types(subscription.organization).count("billing.invoice.payment_failed") == 1

    def test_never_leaves_a_final_state(self) -> None:
        subscription = make_subscription()
        converge(snapshot_of(subscription, status=SubscriptionStatus.CANCELED))

        converge(snapshot_of(subscription, status=SubscriptionStatus.INCOMPLETE), at=1)

        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.CANCELED
        assert Case.objects.count() == 0


class TestUnknown:
    def test_refuses_a_subscription_that_is_not_ours(self) -> None:
        snapshot = snapshot_of(make_subscription(), our_id="", external_id="sub_foreign")

        with pytest.raises(projection.UnknownSubscription):
            converge(snapshot)

    @pytest.mark.parametrize("our_id", ["not-a-uuid", "", "00000000-0000-0000-0000-000000000000"])
    def test_refuses_an_id_in_the_metadata_that_leads_nowhere(self, our_id: str) -> None:
        snapshot = snapshot_of(make_subscription(), our_id=our_id)

        with pytest.raises(projection.UnknownSubscription):
            converge(snapshot)

    def test_refuses_an_id_in_the_metadata_of_another_payer(self) -> None:
        subscription = make_subscription()
        snapshot = snapshot_of(subscription, external_customer_id="cus_somebody_else")

        with pytest.raises(projection.UnknownSubscription):
            converge(snapshot)

        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.INCOMPLETE


class TestLateWinner:
    def test_opens_a_case_when_a_second_start_is_paid(self) -> None:
        first = make_subscription()
        second = make_subscription(first.organization)
        converge(snapshot_of(first))

        converge(snapshot_of(second), at=1)

        second.refresh_from_db()
        assert second.status == SubscriptionStatus.INCOMPLETE
        case = Case.objects.get()
        assert (case.kind, case.subscription) == (CaseKind.LATE_WINNER, second)
        assert types(first.organization)[-1] == "billing.case.opened"

    def test_opens_a_case_when_one_that_was_given_up_is_paid(self) -> None:
        subscription = make_subscription(status=SubscriptionStatus.CANCELED)

        converge(snapshot_of(subscription))
        converge(snapshot_of(subscription), at=1)

        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.CANCELED
        assert Case.objects.count() == 1

    def test_opens_a_case_for_a_second_object_at_the_provider(self) -> None:
        subscription = make_subscription()
        converge(snapshot_of(subscription))

        converge(snapshot_of(subscription, external_id="sub_twin"), at=1)

        assert Case.objects.get().external_id == "sub_twin"
