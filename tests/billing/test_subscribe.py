"""Starting a subscription, against the simulated provider."""

from typing import Any

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
from billing.selectors import payments, prices, subscriptions
from billing.services import subscribe
from billing.types import Cause
from notifications.models import Message
from orgs import clock
from orgs.models import Organization, PlanStatus
from tests.billing.builders import make_organization
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

CAUSE = Cause("request", id="req_1")


def start(organization: Organization, price: Price, method: str = "", **more: Any) -> Any:
    request = subscribe.StartRequest(price=price, payment_method=method, **more)
    return subscribe.start_subscription(
        organization=organization, request=request, cause=CAUSE, now=clock.now()
    )


def writes(stripe: StripeSimulator, path: str) -> list[dict[str, Any]]:
    """Return the writes to a path that the simulator has seen since the last reset."""
    return [r for r in stripe.requests() if r["method"] == "POST" and r["path"] == path]


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


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

        assert Message.objects.get().to == organization.email

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


class TestDeclined:
    @pytest.mark.parametrize(
        "method", ["pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"]
    )
    def test_leaves_a_canceled_row_when_the_card_is_declined(
        self, method: str, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(errors.CardDeclined):
            start(organization, catalogue["starter:month"], method)

        row = Subscription.objects.get()
        assert row.status == SubscriptionStatus.CANCELED
        attempt = payments.latest_attempt(row)
        assert (attempt.state, attempt.error_code) == (AttemptState.FAILED, "CARD_DECLINED")
        assert attempt.obligation.state == ObligationState.VOID
        assert subscriptions.current(organization) is None
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.PENDING_PAYMENT
        assert Message.objects.count() == 0

    def test_gives_up_at_the_provider_what_was_declined_at_the_charge(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(errors.CardDeclined):
            start(organization, catalogue["starter:month"], "pm_card_chargeCustomerFail")

        row = Subscription.objects.get()
        assert row.status == SubscriptionStatus.INCOMPLETE_EXPIRED
        assert payments.latest_attempt(row).state == AttemptState.FAILED

    def test_lets_the_next_card_through(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(errors.CardDeclined):
            start(organization, catalogue["starter:month"], "pm_card_chargeCustomerFail")

        started = start(organization, catalogue["starter:month"], "pm_card_visa")

        assert started.subscription.status == SubscriptionStatus.ACTIVE

    def test_an_unknown_payment_method_is_bad_input(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(errors.ProviderRefused):
            start(organization, catalogue["starter:month"], "pm_there_is_none")

        assert Subscription.objects.get().status == SubscriptionStatus.CANCELED


class TestPayerMustAct:
    def test_3ds_gives_a_secret_and_stays_incomplete(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        started = start(organization, catalogue["starter:month"], "pm_card_authenticationRequired")

        assert started.subscription.status == SubscriptionStatus.INCOMPLETE
        assert started.client_secret.startswith("pi_")
        attempt = PaymentAttempt.objects.get()
        assert attempt.state == AttemptState.REQUIRES_ACTION

    def test_without_a_card_the_browser_gets_a_secret(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        started = start(organization, catalogue["starter:month"])

        assert started.subscription.status == SubscriptionStatus.INCOMPLETE
        assert "_secret_" in started.client_secret

    def test_the_next_start_gives_the_waiting_one_up(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        waiting = start(organization, catalogue["starter:month"]).subscription

        started = start(organization, catalogue["professional:month"], "pm_card_visa")

        waiting.refresh_from_db()
        assert waiting.status == SubscriptionStatus.INCOMPLETE_EXPIRED
        assert started.subscription.status == SubscriptionStatus.ACTIVE


class TestProviderTrouble:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ({"status": 500, "error": {"type": "api_error"}}, errors.ProviderFailed),
            (
                {"status": 429, "error": {"type": "invalid_request_error", "code": "rate_limit"}},
                errors.ProviderBusy,
            ),
        ],
    )
    def test_before_the_charge_nothing_was_processed_and_the_same_key_tries_again(
        self,
        fault: dict[str, Any],
        error: type[Exception],
        organization: Organization,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/customers$", times=1, **fault)
        price = catalogue["starter:month"]
        with pytest.raises(error):
            start(organization, price, "pm_card_visa", request_key="k1")
        assert PaymentAttempt.objects.get().state == AttemptState.NOT_PROCESSED

        started = start(organization, price, "pm_card_visa", request_key="k1")

        assert started.subscription.status == SubscriptionStatus.ACTIVE
        assert Subscription.objects.count() == 1
        assert list(PaymentAttempt.objects.order_by("number").values_list("state", flat=True)) == [
            AttemptState.NOT_PROCESSED,
            AttemptState.SUCCEEDED,
        ]

    def test_429_at_the_charge_is_provably_not_processed(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, status=429)

        with pytest.raises(errors.ProviderBusy):
            start(organization, catalogue["starter:month"], "pm_card_visa", request_key="k1")

        assert PaymentAttempt.objects.get().state == AttemptState.NOT_PROCESSED

    @pytest.mark.parametrize("kind", ["timeout_after", "reset_after"])
    def test_a_lost_answer_is_unknown_and_found_by_asking(
        self,
        kind: str,
        organization: Organization,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
        settings: Any,
    ) -> None:
        settings.STRIPE_READ_TIMEOUT_SECONDS = 0.5
        stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action=kind)
        price = catalogue["starter:month"]

        unknown = start(organization, price, "pm_card_visa", request_key="k1")

        assert unknown.resolve_after is not None
        assert unknown.subscription.status == SubscriptionStatus.INCOMPLETE
        assert PaymentAttempt.objects.get().state == AttemptState.UNKNOWN
        with pytest.raises(errors.PaymentPending):
            start(organization, price, "pm_card_visa", request_key="another")

        resumed = start(organization, price, "pm_card_visa", request_key="k1")

        assert resumed.subscription == unknown.subscription
        assert resumed.subscription.status == SubscriptionStatus.ACTIVE
        mine = [
            request
            for request in writes(stripe, "/v1/subscriptions")
            if request["params"].get("metadata", {}).get("till_subscription_id")
            == str(unknown.subscription.pk)
        ]
        assert len(mine) == 1

    def test_a_second_writer_is_told_to_wait_while_the_first_is_undecided(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action="reset_before")
        start(organization, catalogue["starter:month"], "pm_card_visa")

        with pytest.raises(errors.PaymentPending) as refusal:
            start(organization, catalogue["starter:month"], "pm_card_visa")

        assert refusal.value.retry_after is not None
        assert refusal.value.retry_after > 0


class TestFreePlan:
    def test_needs_no_card_and_no_provider(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        before = len(stripe.requests())

        started = start(organization, catalogue["free:month"])

        assert len(stripe.requests()) == before
        assert started.subscription.status == SubscriptionStatus.ACTIVE
        assert started.subscription.is_free
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE
        assert BillingEvent.objects.get().type == "billing.subscription.activated"

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
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        started = start(organization, catalogue["starter:month"], "pm_card_visa", trial_days=14)

        row = started.subscription
        assert row.status == SubscriptionStatus.TRIALING
        assert row.trial_end is not None
        assert Obligation.objects.get().amount_minor == 0
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.ACTIVE
