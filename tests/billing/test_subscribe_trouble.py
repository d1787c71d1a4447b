"""Starting a subscription that is declined, must wait for the payer or meets trouble."""

from typing import Any

import pytest

from billing import errors
from billing.enums import (
    AttemptState,
    ObligationState,
    SubscriptionStatus,
)
from billing.models import (
    PaymentAttempt,
    Price,
    Subscription,
)
from billing.selectors import payments, subscriptions
from notifications.models import Message
from orgs.models import Organization, PlanStatus
from tests.billing.subscribe_steps import start, writes
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


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
