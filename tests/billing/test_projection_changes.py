"""What the projection makes of later changes and of single payments."""

from datetime import timedelta

import pytest

from billing.enums import (
    AttemptState,
    ObligationState,
    SubscriptionStatus,
)
from billing.models import BillingEvent, Subscription
from billing.selectors import payments
from billing.types import PaymentOutcome
from orgs.models import PlanStatus
from tests.billing.builders import (
    NOW,
    make_price,
    make_subscription,
    snapshot_of,
)
from tests.billing.projection_steps import converge, types

pytestmark = pytest.mark.django_db


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

        assert types(subscription.organization)[2:] == [
            "billing.subscription.past_due",
            "billing.access.changed",
            "billing.subscription.recovered",
            "billing.access.changed",
        ]

    def test_cancellation_is_told_when_scheduled_withdrawn_and_done(self) -> None:
        subscription = self._active()

        converge(snapshot_of(subscription, cancel_at_period_end=True), at=1)
        converge(snapshot_of(subscription), at=2)
        converge(snapshot_of(subscription, status=SubscriptionStatus.CANCELED, ended_at=NOW), at=3)

        assert types(subscription.organization)[2:] == [
            "billing.subscription.cancel_scheduled",
            "billing.subscription.cancel_withdrawn",
            "billing.subscription.canceled",
            "billing.access.changed",
        ]
        subscription.organization.refresh_from_db()
        assert subscription.organization.plan_status == PlanStatus.CANCELED
        assert subscription.organization.plan_id is None

    def test_a_new_period_and_other_seats_are_told(self) -> None:
        subscription = self._active()
        later = NOW + timedelta(days=61)

        converge(snapshot_of(subscription, current_period_end=later, seats=3), at=1)

        events = BillingEvent.objects.filter(organization=subscription.organization)
        assert [event.summary for event in events.order_by("sequence")][2:] == [
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
