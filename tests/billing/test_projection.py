"""The one function through which a provider's truth reaches our tables."""

from datetime import timedelta
from typing import Any

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
from billing.types import Cause, Fact, PaymentOutcome, SubscriptionSnapshot
from notifications.models import Message
from orgs.models import Organization, PlanStatus
from tests.billing.builders import (
    NOW,
    make_organization,
    make_price,
    make_subscription,
    moment,
    snapshot_of,
)

pytestmark = pytest.mark.django_db

CAUSE = Cause("webhook", id="evt_1", detail="customer.subscription.updated")
T0 = moment()


def converge(snapshot: SubscriptionSnapshot, at: int = 0, **more: Any) -> projection.Converged:
    fetched_at = T0 + timedelta(seconds=at)
    return projection.converge(
        snapshot=snapshot, fetched_at=fetched_at, cause=CAUSE, now=NOW, **more
    )


def types(organization: Organization) -> list[str]:
    events = BillingEvent.objects.filter(organization=organization).order_by("sequence")
    return list(events.values_list("type", flat=True))


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

    def test_writes_one_line_with_its_cause_and_queues_one_mail(self) -> None:
        subscription = make_subscription()

        converge(snapshot_of(subscription))
        converge(snapshot_of(subscription), at=1)

        event = BillingEvent.objects.get(organization=subscription.organization)
        assert event.type == "billing.subscription.activated"
        assert event.sequence == 1
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
        assert types(subscription.organization).count("billing.payment.failed") == 1

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


class TestLaterChanges:
    def _active(self) -> Subscription:
        subscription = make_subscription()
        converge(snapshot_of(subscription))
        subscription.refresh_from_db()
        return subscription

    def test_past_due_and_recovery_are_told(self) -> None:
        subscription = self._active()

        converge(snapshot_of(subscription, status=SubscriptionStatus.PAST_DUE), at=1)
        subscription.organization.refresh_from_db()
        assert subscription.organization.plan_status == PlanStatus.PAST_DUE
        converge(snapshot_of(subscription), at=2)

        assert types(subscription.organization)[1:] == [
            "billing.subscription.past_due",
            "billing.subscription.recovered",
        ]

    def test_cancellation_is_told_when_scheduled_withdrawn_and_done(self) -> None:
        subscription = self._active()

        converge(snapshot_of(subscription, cancel_at_period_end=True), at=1)
        converge(snapshot_of(subscription), at=2)
        converge(snapshot_of(subscription, status=SubscriptionStatus.CANCELED, ended_at=NOW), at=3)

        assert types(subscription.organization)[1:] == [
            "billing.subscription.cancel_scheduled",
            "billing.subscription.cancel_withdrawn",
            "billing.subscription.canceled",
        ]
        subscription.organization.refresh_from_db()
        assert subscription.organization.plan_status == PlanStatus.CANCELED
        assert subscription.organization.plan_id is None

    def test_a_new_period_and_other_seats_are_told(self) -> None:
        subscription = self._active()
        later = NOW + timedelta(days=61)

        converge(snapshot_of(subscription, current_period_end=later, seats=3), at=1)

        events = BillingEvent.objects.filter(organization=subscription.organization)
        assert [event.summary for event in events.order_by("sequence")][1:] == [
            "The plan is now Bistro, 3 seats.",
            "Bistro was renewed until 1 May 2026.",
        ]

    def test_another_price_moves_the_subscription_to_its_plan(self) -> None:
        subscription = self._active()
        other = make_price("brasserie", amount_minor=9900)

        converge(
            snapshot_of(subscription, external_price_id=other.external_prices.get().external_id),
            at=1,
        )

        subscription.refresh_from_db()
        assert subscription.price == other
        subscription.organization.refresh_from_db()
        assert subscription.organization.plan_id == other.plan_version.plan_id

    def test_an_unknown_price_changes_nothing(self) -> None:
        subscription = self._active()

        converge(snapshot_of(subscription, external_price_id="price_of_somebody"), at=1)

        subscription.refresh_from_db()
        assert subscription.price.plan_version.plan.code == "bistro"


class TestPaymentOutcome:
    def test_a_decline_fails_the_attempt_and_leaves_the_debt_open(self) -> None:
        subscription = make_subscription()
        declined = PaymentOutcome(
            AttemptState.FAILED,
            external_id="pi_1",
            error_code="CARD_DECLINED",
            decline_code="generic_decline",
        )

        converge(
            snapshot_of(subscription, status=SubscriptionStatus.INCOMPLETE, latest_payment=declined)
        )

        attempt = payments.latest_attempt(subscription)
        assert (attempt.state, attempt.decline_code) == (AttemptState.FAILED, "generic_decline")
        assert attempt.obligation.state == ObligationState.OPEN

    def test_nothing_tried_yet_waits_for_the_payer(self) -> None:
        subscription = make_subscription()
        waiting = PaymentOutcome(None, external_id="pi_1", client_secret="pi_1_secret_x")

        converge(
            snapshot_of(subscription, status=SubscriptionStatus.INCOMPLETE, latest_payment=waiting)
        )

        assert payments.latest_attempt(subscription).state == AttemptState.REQUIRES_ACTION

    def test_an_end_voids_what_was_never_paid(self) -> None:
        subscription = make_subscription()

        converge(
            snapshot_of(
                subscription, status=SubscriptionStatus.INCOMPLETE_EXPIRED, latest_payment=None
            )
        )

        attempt = payments.latest_attempt(subscription)
        assert attempt.state == AttemptState.CANCELED
        assert attempt.obligation.state == ObligationState.VOID
