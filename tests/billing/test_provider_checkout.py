"""The provider's own checkout page: opened, paid on, given up, expired."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.enums import (
    AttemptState,
    CheckoutStatus,
    InboxState,
    ObligationState,
    Provider,
    SubscriptionStatus,
)
from billing.errors import AlreadySubscribed, PaymentPending, ProviderFailed, ProviderRefused
from billing.models import (
    BillingEvent,
    CheckoutSession,
    InboxEvent,
    PaymentAttempt,
    Price,
    Subscription,
)
from billing.selectors import checkouts, payments
from billing.services import abandon, checkout, checkout_sync, subscribe
from billing.types import Cause, CheckoutSnapshot
from orgs import clock
from orgs.models import Organization, PlanStatus
from tests.billing.dispatch_steps import drain, store
from tests.contract.journey_pages import CARD
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

CAUSE = Cause("request")


def open_page(organization: Organization, price: Price) -> checkout.Opened:
    return checkout.open_hosted_provider(
        organization=organization, price=price, cause=CAUSE, now=clock.now()
    )


def pay_there(opened: checkout.Opened) -> None:
    """Do what the payer does on the provider's page."""
    with httpx.Client(timeout=10, trust_env=False) as browser:
        answer = browser.post(opened.url, data={**CARD, "number": "4242424242424242"})
    assert answer.status_code == 303


def told(opened: checkout.Opened, type_: str) -> int:
    """Have the provider's event about the checkout handled; say how many were."""
    obj = {"id": opened.session.external_id, "object": "checkout.session"}
    store(f"evt_{type_}", f"checkout.session.{type_}", obj)
    return drain()


class TestOpening:
    def test_writes_start_debt_and_attempt_before_the_page(
        self, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])

        assert opened.url.startswith(f"{stripe.base_url}/c/pay/")
        row = Subscription.objects.get()
        assert row.status == SubscriptionStatus.INCOMPLETE
        attempt = payments.latest_attempt(row)
        assert attempt.state == AttemptState.REQUIRES_ACTION
        assert attempt.external_id == opened.session.external_id
        progress = checkouts.progress(opened.session, now=clock.now())
        assert progress.stage == "pending"

    @pytest.mark.parametrize("action", ["reset_before", "reset_after"])
    def test_a_page_that_nobody_saw_can_not_be_paid(
        self, action: str, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/v1/checkout/sessions$", action=action)

        with pytest.raises(ProviderFailed):
            open_page(org, catalogue["starter:month"])

        assert CheckoutSession.objects.get().status == CheckoutStatus.EXPIRED
        assert PaymentAttempt.objects.get().state == AttemptState.NOT_PROCESSED

    def test_a_refusal_cancels_the_start(
        self, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(
            method="POST",
            path="/v1/checkout/sessions$",
            status=400,
            error={"type": "invalid_request_error", "message": "no"},
        )

        with pytest.raises(ProviderRefused):
            open_page(org, catalogue["starter:month"])

        assert Subscription.objects.get().status == SubscriptionStatus.CANCELED

    def test_is_refused_beside_a_live_subscription(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        request = subscribe.StartRequest(
            price=catalogue["starter:month"], payment_method="pm_card_visa"
        )
        subscribe.start_subscription(
            organization=org, request=request, cause=CAUSE, now=clock.now()
        )

        with pytest.raises(AlreadySubscribed):
            open_page(org, catalogue["starter:month"])

        assert CheckoutSession.objects.count() == 0


class TestPaidThere:
    def test_the_event_brings_the_subscription(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        pay_there(opened)

        assert told(opened, "completed") == 1

        row = Subscription.objects.get()
        assert row.status == SubscriptionStatus.ACTIVE
        assert payments.latest_attempt(row).obligation.state == ObligationState.SETTLED
        opened.session.refresh_from_db()
        assert opened.session.status == CheckoutStatus.COMPLETE
        org.refresh_from_db()
        assert org.plan_status == PlanStatus.ACTIVE

    def test_the_event_finds_its_row_by_our_id_when_the_answer_was_lost(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        pay_there(opened)
        CheckoutSession.objects.update(external_id="")

        assert told(opened, "completed") == 1

        assert CheckoutSession.objects.get().external_id == opened.session.external_id

    def test_giving_up_what_was_just_paid_makes_it_live(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        pay_there(opened)
        request = subscribe.StartRequest(
            price=catalogue["professional:month"], payment_method="pm_card_visa"
        )

        with pytest.raises(AlreadySubscribed):
            subscribe.start_subscription(
                organization=org, request=request, cause=CAUSE, now=clock.now()
            )

        assert Subscription.objects.get().status == SubscriptionStatus.ACTIVE


class TestGivenUp:
    def test_the_next_start_closes_the_page_at_the_provider(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        request = subscribe.StartRequest(
            price=catalogue["starter:month"], payment_method="pm_card_visa"
        )

        started = subscribe.start_subscription(
            organization=org, request=request, cause=CAUSE, now=clock.now()
        )

        assert started.subscription.status == SubscriptionStatus.ACTIVE
        opened.session.refresh_from_db()
        assert opened.session.status == CheckoutStatus.EXPIRED
        driver = registry.get_driver(Provider.STRIPE)
        seen = driver.retrieve_checkout_session(opened.session.external_id)
        assert seen.status == "expired"
        old = Subscription.objects.exclude(pk=started.subscription.pk).get()
        assert old.status == SubscriptionStatus.CANCELED
        assert payments.latest_attempt(old).state == AttemptState.CANCELED

    def test_a_start_waits_while_the_provider_can_not_be_told(
        self, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        stripe.add_fault(method="POST", path="/expire$", times=5, status=500)

        with pytest.raises(ProviderFailed):
            open_page(org, catalogue["starter:month"])

        opened.session.refresh_from_db()
        assert opened.session.status == CheckoutStatus.OPEN
        assert Subscription.objects.count() == 1

    def test_without_haste_the_row_is_left_for_later(
        self, org: Organization, catalogue: dict[str, Price], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        row = Subscription.objects.get()
        driver = registry.get_driver(Provider.STRIPE)

        def unreachable(*_: Any, **__: Any) -> Any:
            raise DriverUnavailable("API_ERROR")

        monkeypatch.setattr(driver, "expire_checkout_session", unreachable)

        left = abandon.give_up(subscription=row, cause=CAUSE, now=clock.now())

        assert left.status == SubscriptionStatus.INCOMPLETE
        opened.session.refresh_from_db()
        assert opened.session.status == CheckoutStatus.OPEN

    def test_an_undecided_start_is_never_canceled_here(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        open_page(org, catalogue["starter:month"])
        PaymentAttempt.objects.update(state=AttemptState.UNKNOWN)
        row = Subscription.objects.get()

        abandon.cancel_locally(subscription=row, cause=CAUSE, now=clock.now())

        assert row.status == SubscriptionStatus.INCOMPLETE
        with pytest.raises(PaymentPending):
            open_page(org, catalogue["starter:month"])


class TestExpired:
    def test_after_the_hour_both_sides_are_closed(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        ours = CheckoutSession.objects.create(
            organization=org,
            mode="hosted_page",
            provider=Provider.STRIPE,
            expires_at=clock.now() - timedelta(seconds=1),
        )
        later = clock.now() + timedelta(hours=1, seconds=1)

        assert checkout.expire_checkouts(now=later) == 1

        ours.refresh_from_db()
        opened.session.refresh_from_db()
        assert (ours.status, opened.session.status) == ("expired", "expired")
        assert Subscription.objects.get().status == SubscriptionStatus.CANCELED
        assert BillingEvent.objects.get().type == "billing.subscription.canceled"

    def test_the_providers_own_expiry_ends_the_start(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        driver = registry.get_driver(Provider.STRIPE)
        driver.expire_checkout_session(opened.session.external_id, idempotency_key="by-hand")

        assert told(opened, "expired") == 1

        opened.session.refresh_from_db()
        assert opened.session.status == CheckoutStatus.EXPIRED
        assert Subscription.objects.get().status == SubscriptionStatus.CANCELED


class TestUnknown:
    @pytest.mark.parametrize("our_id", ["", "no-uuid", "00000000-0000-4000-8000-000000000000"])
    def test_a_checkout_that_is_not_ours(self, our_id: str, db: None) -> None:
        snapshot = CheckoutSnapshot("cs_nobody", "complete", our_id=our_id)

        with pytest.raises(checkout_sync.UnknownCheckout):
            checkout_sync.find("stripe", snapshot)

    def test_its_event_is_kept_for_later(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        opened = open_page(org, catalogue["starter:month"])
        CheckoutSession.objects.all().delete()

        assert told(opened, "expired") == 0

        assert InboxEvent.objects.get().state == InboxState.FAILED
