"""Starting a subscription, against the simulated provider."""

import pytest

from billing import errors
from billing.enums import (
    AttemptState,
    ObligationState,
    Provider,
    SubscriptionStatus,
)
from billing.models import (
    BillingEvent,
    ExternalPrice,
    Obligation,
    PaymentAttempt,
    Price,
    Subscription,
)
from billing.selectors import prices, subscriptions
from notifications.models import Message
from orgs.models import Organization, PlanStatus
from tests.billing.subscribe_steps import start, writes
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestWithAGoodCard:
    def test_is_active_at_once(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        started = start(organization, catalogue["starter:month"], "pm_card_visa", seats=3)

        row = started.subscription
        assert row.status == SubscriptionStatus.ACTIVE
        assert row.seats == 3
        assert row.external_id.startswith("sub_")
        assert row.current_period_end > row.current_period_start
        assert (started.client_secret, started.resolve_after) == ("", None)
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE

    def test_owes_and_settles_the_first_invoice(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(organization, catalogue["starter:month"], "pm_card_visa", seats=3)

        obligation = Obligation.objects.get()
        assert (obligation.amount_minor, obligation.currency) == (8700, "USD")
        assert obligation.state == ObligationState.SETTLED
        attempt = PaymentAttempt.objects.get()
        assert attempt.state == AttemptState.SUCCEEDED
        assert attempt.external_id.startswith("pi_")

    def test_queues_one_confirmation(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(organization, catalogue["starter:month"], "pm_card_visa")

        assert Message.objects.get(kind="subscription_confirmed").to == organization.email

    def test_tells_the_provider_our_ids_under_a_key_from_the_database(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        started = start(organization, catalogue["starter:month"], "pm_card_visa")

        sent = writes(stripe, "/v1/subscriptions")[-1]
        assert sent["params"]["metadata"]["till_subscription_id"] == str(started.subscription.pk)
        attempt = PaymentAttempt.objects.get()
        assert sent["headers"]["idempotency-key"] == attempt.idempotency_key

    def test_refuses_a_second_one(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(organization, catalogue["starter:month"], "pm_card_visa")

        with pytest.raises(errors.AlreadySubscribed):
            start(organization, catalogue["professional:month"], "pm_card_visa")

        assert Subscription.objects.count() == 1


class TestFreePlan:
    def test_needs_no_card_and_no_provider(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        before = stripe.calls_so_far()

        started = start(organization, catalogue["free:month"])

        assert stripe.calls_so_far() == before
        assert started.subscription.status == SubscriptionStatus.ACTIVE
        assert started.subscription.is_free
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE
        assert [event.type for event in BillingEvent.objects.order_by("sequence")] == [
            "billing.subscription.activated",
            "billing.access.changed",
        ]

    def test_is_replaced_by_a_paid_one(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        free = start(organization, catalogue["free:month"]).subscription

        paid = start(organization, catalogue["starter:month"], "pm_card_visa").subscription

        free.refresh_from_db()
        assert free.status == SubscriptionStatus.CANCELED
        assert subscriptions.current(organization) == paid

    def test_is_refused_beside_itself_or_a_paid_one(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(organization, catalogue["free:month"])

        with pytest.raises(errors.AlreadySubscribed):
            start(organization, catalogue["free:month"])

        assert Subscription.objects.count() == 1


class TestPriceWithoutALink:
    def test_is_refused_before_anything_is_written(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        price = catalogue["starter:month"]
        ExternalPrice.objects.filter(price=price, provider=Provider.STRIPE).delete()

        with pytest.raises(prices.PriceNotLinked):
            start(organization, price, "pm_card_visa")

        assert Subscription.objects.count() == 0


class TestTrial:
    def test_starts_trialing_and_owes_nothing(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        started = start(organization, make_trial_price(), "pm_card_visa")

        row = started.subscription
        assert row.status == SubscriptionStatus.TRIALING
        assert row.trial_end is not None
        assert Obligation.objects.get().amount_minor == 0
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE
