"""Having bills go elsewhere: the provider is told first."""

from typing import Any

import pytest

from billing.drivers.stripe.driver import StripeDriver
from billing.errors import ProviderBusy, ProviderFailed, ProviderRefused
from billing.models import BillingEvent, Customer, Price, Subscription
from billing.services import payers
from orgs import clock
from orgs.errors import DomainError
from tests.billing.builders import make_organization
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_pauses")]

EMAIL = "bills@acme.example"


@pytest.fixture
def subscription(catalogue: dict[str, Price]) -> Subscription:
    """Starter, paid by card."""
    started: Subscription = start(
        make_organization(), catalogue["starter:month"], "pm_card_visa"
    ).subscription
    return started


def change(subscription: Subscription, email: str = EMAIL) -> None:
    payers.change_billing_email(
        subscription=subscription, email=email, cause=CAUSE, now=clock.now()
    )


def told(subscription: Subscription) -> list[str]:
    rows = BillingEvent.objects.for_org(subscription.organization)
    return list(rows.filter(type="billing.customer.updated").values_list("summary", flat=True))


class TestChangeBillingEmail:
    def test_tells_the_provider_and_keeps_it(
        self, subscription: Subscription, stripe: StripeSimulator
    ) -> None:
        change(subscription)

        assert subscription.billing_email == EMAIL
        subscription.refresh_from_db()
        customer = Customer.objects.get(pk=subscription.customer_id)
        assert (subscription.billing_email, customer.email) == (EMAIL, EMAIL)
        theirs = stripe.api("GET", f"/v1/customers/{customer.external_id}").json()
        assert theirs["email"] == EMAIL
        assert told(subscription) == [f"Bills go to {EMAIL} now."]

    def test_the_same_address_again_is_no_news(self, subscription: Subscription) -> None:
        change(subscription)
        change(subscription)

        assert len(told(subscription)) == 1

    def test_is_the_same_whether_or_not_the_webhook_was_faster(
        self, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = StripeDriver.update_customer

        def then_hear(driver: StripeDriver, *args: Any, **more: Any) -> None:
            real(driver, *args, **more)
            payers.look_again(
                customer=Customer.objects.get(pk=subscription.customer_id),
                cause=CAUSE,
                now=clock.now(),
            )

        monkeypatch.setattr(StripeDriver, "update_customer", then_hear)

        change(subscription)

        subscription.refresh_from_db()
        assert (subscription.billing_email, len(told(subscription))) == (EMAIL, 1)

    @pytest.mark.parametrize(
        ("fault", "refusal"),
        [
            ({"status": 500}, ProviderFailed),
            ({"status": 429}, ProviderBusy),
            ({"action": "reset_after"}, ProviderFailed),
            (
                {"status": 400, "error": {"type": "invalid_request_error", "message": "no"}},
                ProviderRefused,
            ),
        ],
    )
    def test_changes_nothing_here_before_the_provider_has_it(
        self,
        subscription: Subscription,
        stripe: StripeSimulator,
        fault: dict[str, Any],
        refusal: type[DomainError],
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/customers/cus_[^/]+$", times=1, **fault)

        with pytest.raises(refusal):
            change(subscription)

        subscription.refresh_from_db()
        assert subscription.billing_email != EMAIL
        assert Customer.objects.get(pk=subscription.customer_id).email != EMAIL
        assert told(subscription) == []
        change(subscription)
        assert told(subscription) == [f"Bills go to {EMAIL} now."]

    def test_a_payer_who_was_deleted_at_the_provider_is_created_anew(
        self, subscription: Subscription, stripe: StripeSimulator
    ) -> None:
        before = subscription.customer.external_id
        stripe.api("DELETE", f"/v1/customers/{before}")

        change(subscription)

        customer = Customer.objects.get(pk=subscription.customer_id)
        assert customer.external_id != before
        theirs = stripe.api("GET", f"/v1/customers/{customer.external_id}").json()
        assert theirs["email"] == EMAIL

    def test_nobody_has_to_be_told_of_a_free_plan(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        free = start(make_organization(), catalogue["free:month"]).subscription
        since = stripe.calls_so_far()

        change(free)

        free.refresh_from_db()
        assert free.billing_email == EMAIL
        assert stripe.requests(since) == []
