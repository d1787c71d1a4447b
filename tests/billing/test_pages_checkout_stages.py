"""The stages of one checkout's page: choosing, paying, waiting, leaving for the provider."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.enums import AttemptState, CheckoutMode, CheckoutStatus, SubscriptionStatus
from billing.models import CheckoutSession, PaymentAttempt, Price, Subscription
from billing.selectors import checkouts
from orgs import clock
from orgs.models import Organization, User
from tests.billing.checkout_steps import address_of, open_checkout, pay, text_of
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestWaiting:
    @pytest.fixture
    def waiting(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator, settings: Any
    ) -> str:
        """The page after a payment whose answer was lost on the way."""
        stripe.add_fault(method="POST", path="/v1/subscriptions", action="reset_after", times=1)
        return pay(payer, session, "pm_card_visa")

    def test_shows_that_it_is_being_confirmed(
        self, payer: Client, session: CheckoutSession, waiting: str
    ) -> None:
        assert "Confirming your payment" in waiting
        assert 'http-equiv="refresh"' in waiting
        assert "data-card-form" not in waiting
        assert PaymentAttempt.objects.get().state == AttemptState.UNKNOWN
        assert payer.get(address_of(session, "state")).json() == {"stage": "pending"}

    def test_can_not_be_paid_again(
        self, payer: Client, session: CheckoutSession, waiting: str
    ) -> None:
        text = pay(payer, session, "pm_card_visa", "z" * 32)

        assert "Confirming your payment" in text
        assert Subscription.objects.count() == 1


class TestStage:
    @pytest.mark.parametrize(
        "query",
        ["status=succeeded", "redirect_status=succeeded&payment_intent=pi_1", "stage=succeeded"],
    )
    def test_is_never_taken_from_the_address(
        self, payer: Client, session: CheckoutSession, query: str
    ) -> None:
        response = payer.get(f"{address_of(session)}?{query}")

        assert "Pay $29.00" in response.content.decode()

    def test_is_pending_when_the_payment_arrives_while_we_look(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        seen = CheckoutSession.objects.select_related("subscription").get()
        PaymentAttempt.objects.update(state=AttemptState.SUCCEEDED)

        assert checkouts.progress(seen, now=clock.now()).stage == "pending"

    def test_is_over_after_an_hour(self, payer: Client, session: CheckoutSession) -> None:
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        text = text_of(payer, session)

        assert "This checkout has expired" in text
        assert "Start again" in text
        pay(payer, session, "pm_card_visa", "n" * 32)
        assert not Subscription.objects.exists()

    def test_of_a_plan_that_has_ended_since_does_not_call_it_active(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_visa")
        Subscription.objects.update(status=SubscriptionStatus.CANCELED, ended_at=clock.now())

        text = text_of(payer, session)

        assert "Starter was paid" in text
        assert "Starter is active" not in text
        assert "Next charge" not in text

    def test_leads_on_to_the_success_address(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(
            org, catalogue["starter:month"], success_url="https://shop.example/thanks?a=1&b=2"
        )

        text = pay(payer, session, "pm_card_visa")

        assert 'href="https://shop.example/thanks?a=1&amp;b=2"' in text


class TestChoosingWithin:
    def test_shows_the_plans_and_keeps_the_choice(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        assert "Choose Starter" in text_of(payer, session)

        response = payer.post(
            address_of(session, "plan"), {"plan": "starter", "interval": "year"}, follow=True
        )

        assert "Pay $290.00" in response.content.decode()
        session.refresh_from_db()
        assert session.price == catalogue["starter:year"]

    def test_starts_the_free_plan_at_once(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)

        response = payer.post(address_of(session, "plan"), {"plan": "free"}, follow=True)

        assert "Free is active" in response.content.decode()

    def test_says_why_a_plan_can_not_be_chosen(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)

        response = payer.post(address_of(session, "plan"), {"plan": "enterprise"}, follow=True)

        assert "Please contact sales." in response.content.decode()

    def test_does_not_change_a_price_that_was_set(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        payer.post(address_of(session, "plan"), {"plan": "free"})

        assert "Pay $29.00" in text_of(payer, session)

    def test_is_over_with_the_checkout(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        response = payer.post(address_of(session, "plan"), {"plan": "starter"}, follow=True)

        assert "This checkout has expired" in response.content.decode()

    def test_is_not_for_viewers(
        self, client: Client, bob: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        session, _ = open_checkout(org, None)
        client.force_login(bob)

        assert "Not paid yet" in text_of(client, session)
        assert client.post(address_of(session, "plan"), {"plan": "free"}).status_code == 403


class TestProvidersPage:
    def test_is_a_way_without_any_script(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        response = payer.post(address_of(session, "provider"))

        assert response.status_code == 302
        assert response["Location"].startswith(stripe.base_url)

    def test_waits_for_the_payer_and_leads_back_there(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        first = payer.post(address_of(session, "provider"))
        elsewhere = CheckoutSession.objects.get(mode=CheckoutMode.HOSTED_PROVIDER)

        text = text_of(payer, elsewhere)
        again = payer.post(address_of(elsewhere, "provider"))

        assert "Waiting for Stripe" in text
        assert again["Location"] == first["Location"]
        assert CheckoutSession.objects.count() == 2

    def test_can_be_left_for_a_card_here(self, payer: Client, session: CheckoutSession) -> None:
        payer.post(address_of(session, "provider"))
        elsewhere = CheckoutSession.objects.get(mode=CheckoutMode.HOSTED_PROVIDER)

        payer.post(address_of(elsewhere, "restart"))
        fresh = CheckoutSession.objects.order_by("created_at").last()

        assert fresh is not None
        assert "Starter is active" in pay(payer, fresh, "pm_card_visa")
        elsewhere.refresh_from_db()
        assert elsewhere.status == CheckoutStatus.EXPIRED
        overview = payer.get("/settings/billing").content.decode()
        assert "The start of Starter was given up: it was never paid." in overview
        assert "Starter has ended." not in overview

    def test_that_can_not_be_opened_leads_back_with_a_sentence(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/checkout/sessions", status=429, times=10)

        response = payer.post(address_of(session, "provider"), follow=True)

        assert "Too many requests" in response.content.decode()

    @pytest.mark.parametrize("name", ["provider", "restart"])
    def test_is_over_with_the_checkout(
        self, payer: Client, session: CheckoutSession, name: str
    ) -> None:
        CheckoutSession.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        response = payer.post(address_of(session, name), follow=True)

        assert "This checkout has expired" in response.content.decode()
        assert CheckoutSession.objects.count() == 1
