"""What a payer does on the checkout page besides paying."""

from datetime import timedelta

import pytest

from billing.enums import CheckoutStatus, SubscriptionStatus
from billing.errors import AlreadySubscribed, CheckoutExpired, ProviderFailed
from billing.models import CheckoutSession, Price, Subscription
from billing.services import checkout, checkout_action
from orgs import clock
from orgs.models import Organization
from tests.factories_billing import CheckoutSessionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def open_checkout(organization: Organization, price: Price | None) -> CheckoutSession:
    return checkout.open_hosted_page(
        organization=organization, price=price, now=clock.now()
    ).session


class TestTakePrice:
    def test_is_refused_after_the_hour(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session = open_checkout(org, None)
        late = session.expires_at

        with pytest.raises(CheckoutExpired):
            checkout_action.take_price(session=session, price=catalogue["starter:month"], now=late)

        session.refresh_from_db()
        assert session.price is None

    def test_is_refused_once_it_is_paid(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session = open_checkout(org, None)
        CheckoutSession.objects.update(status=CheckoutStatus.COMPLETE)

        with pytest.raises(AlreadySubscribed):
            checkout_action.take_price(
                session=session, price=catalogue["starter:month"], now=clock.now()
            )

        session.refresh_from_db()
        assert session.price is None


class TestClientSecret:
    def test_is_empty_while_nothing_was_started(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session = open_checkout(org, catalogue["starter:month"])

        assert checkout_action.client_secret(session=session) == ""


class TestLookAgain:
    def test_leaves_a_checkout_alone_that_nobody_paid_in(
        self, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        session = open_checkout(org, catalogue["starter:month"])
        before = stripe.calls_so_far()

        checkout_action.look_again(session=session, now=clock.now())

        assert stripe.calls_so_far() == before

    def test_leaves_a_subscription_alone_that_is_active(
        self, org: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        session = open_checkout(org, catalogue["starter:month"])
        checkout.pay(
            session=session,
            price=catalogue["starter:month"],
            payment_method="pm_card_visa",
            request_key="once",
            now=clock.now(),
        )
        before = stripe.calls_so_far()

        checkout_action.look_again(session=session, now=clock.now())

        assert stripe.calls_so_far() == before
        assert Subscription.objects.get().status == SubscriptionStatus.ACTIVE


class TestMoveToProvider:
    @pytest.fixture
    def elsewhere(self, org: Organization, catalogue: dict[str, Price]) -> CheckoutSession:
        """A checkout that is open on the provider's page."""
        page = open_checkout(org, catalogue["starter:month"])
        checkout_action.move_to_provider(session=page, now=clock.now())
        return CheckoutSession.objects.select_related("organization", "price").latest("created_at")

    def test_keeps_seats_and_addresses(
        self, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        page = checkout.open_hosted_page(
            organization=org,
            price=catalogue["starter:month"],
            seats=3,
            success_url="https://shop.example/thanks",
            cancel_url="https://shop.example/basket",
            now=clock.now(),
        ).session

        checkout_action.move_to_provider(session=page, now=clock.now())

        made = CheckoutSession.objects.exclude(pk=page.pk).get()
        assert (made.seats, made.success_url, made.cancel_url) == (
            3,
            "https://shop.example/thanks",
            "https://shop.example/basket",
        )

    def test_fails_when_the_provider_does_not_say_where_its_page_is(
        self, elsewhere: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="GET", path="/v1/checkout/sessions", status=500, times=10)

        with pytest.raises(ProviderFailed):
            checkout_action.move_to_provider(session=elsewhere, now=clock.now())

        assert CheckoutSession.objects.count() == 2

    def test_opens_another_page_when_the_last_one_is_closed(
        self, elsewhere: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        first = checkout_action.move_to_provider(session=elsewhere, now=clock.now())
        stripe.api("POST", f"/v1/checkout/sessions/{elsewhere.external_id}/expire")

        again = checkout_action.move_to_provider(session=elsewhere, now=clock.now())

        assert again != first
        assert CheckoutSession.objects.count() == 3

    def test_is_refused_without_a_page_at_the_provider_after_the_hour(
        self, org: Organization
    ) -> None:
        session = CheckoutSessionFactory.create(organization=org, mode="hosted_provider")

        with pytest.raises(CheckoutExpired):
            checkout_action.move_to_provider(
                session=session, now=session.expires_at + timedelta(seconds=1)
            )
