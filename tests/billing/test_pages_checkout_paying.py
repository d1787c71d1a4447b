"""Paying on the page of one checkout, and what the bank adds to it."""

import re
from typing import Any

import pytest
from django.test import Client

from billing.enums import CheckoutStatus, SubscriptionStatus
from billing.models import CheckoutSession, PaymentAttempt, Price, Subscription
from orgs.models import User
from tests.billing.checkout_steps import address_of, open_checkout, pay, text_of
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestPaying:
    def test_shows_the_order_and_where_the_card_goes(
        self, payer: Client, session: CheckoutSession, settings: Any
    ) -> None:
        text = text_of(payer, session)

        assert "Pay for Starter" in text
        assert "Pay $29.00" in text
        assert "Card details go directly to Stripe; Till never sees them." in text
        assert f'src="{settings.STRIPE_JS_URL}"' in text
        assert settings.STRIPE_PUBLISHABLE_KEY in text
        assert settings.STRIPE_SECRET_KEY not in text

    def test_with_a_good_card_is_active_at_once(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_visa")

        assert "Starter is active" in text
        assert "Next charge" in text
        assert "alice@example.com" not in text
        assert session.organization.email in text
        session.refresh_from_db()
        assert session.status == CheckoutStatus.COMPLETE

    def test_twice_with_the_same_form_charges_once(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        since = stripe.calls_so_far()
        nonce = "n" * 32

        pay(payer, session, "pm_card_visa", nonce)
        text = pay(payer, session, "pm_card_visa", nonce)

        assert "Starter is active" in text
        assert Subscription.objects.count() == 1
        started = [
            request
            for request in stripe.requests()[since:]
            if (request["method"], request["path"]) == ("POST", "/v1/subscriptions")
        ]
        assert len(started) == 1

    def test_with_two_forms_charges_once(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_visa", "a" * 32)
        text = pay(payer, session, "pm_card_visa", "b" * 32)

        assert "Starter is active" in text
        assert Subscription.objects.count() == 1

    def test_with_a_declined_card_says_so_and_offers_another_try(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_chargeDeclined")

        assert "The payment was not taken" in text
        assert "Your card was declined. Please try another payment method." in text
        assert "Nothing was charged." in text
        assert "Contact support" in text
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_says_what_the_payer_can_do_about_a_refusal(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_chargeDeclinedInsufficientFunds")

        assert "The card has insufficient funds." in text

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"payment_method": "pm_card_visa"},
            {"payment_method": "pm_card_visa", "nonce": "short"},
            {"payment_method": "", "nonce": "n" * 32},
            {"payment_method": "4242 4242 4242 4242", "nonce": "n" * 32},
            {"payment_method": "pm_\x00", "nonce": "n" * 32},
        ],
    )
    def test_asks_again_when_the_form_was_not_filled_by_the_element(
        self, payer: Client, session: CheckoutSession, form: dict[str, str]
    ) -> None:
        response = payer.post(address_of(session), form, follow=True)

        assert "The card could not be read." in response.content.decode()
        assert not Subscription.objects.exists()

    def test_says_that_the_provider_is_not_available(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/customers", status=429, times=10)

        text = pay(payer, session, "pm_card_visa")

        assert "That did not work" in text
        assert "Too many requests. Please try again later." in text
        stripe.clear_faults()
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_needs_a_csrf_token(self, alice: User, session: CheckoutSession) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        form = {"payment_method": "pm_card_visa", "nonce": "n" * 32}

        response = client.post(address_of(session), form)

        assert response.status_code == 403
        assert not Subscription.objects.exists()

    def test_beside_a_live_subscription_is_not_offered(
        self, payer: Client, session: CheckoutSession, catalogue: dict[str, Price]
    ) -> None:
        other, _ = open_checkout(session.organization, catalogue["professional:month"])
        pay(payer, session, "pm_card_visa")

        text = text_of(payer, other)

        assert "Nothing to pay" in text
        assert "data-card-form" not in text


class TestBank:
    def test_asks_its_question_before_anything_is_active(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")

        assert "Confirm with your bank" in text
        secret = re.search(r'data-client-secret="(pi_\w+_secret_\w+)"', text)
        assert secret is not None
        assert payer.get(address_of(session, "state")).json() == {"stage": "action"}

    def test_secret_is_shown_to_payers_only(
        self, payer: Client, bob: User, session: CheckoutSession
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        viewer = Client()
        viewer.force_login(bob)

        text = text_of(viewer, session)

        assert "Confirm with your bank" in text
        assert "_secret_" not in text

    def test_secret_is_not_stored(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")

        for row in (CheckoutSession.objects.get(), PaymentAttempt.objects.get()):
            assert "_secret_" not in str(vars(row))

    def test_that_can_not_be_asked_says_so(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        stripe.add_fault(path="/v1/subscriptions", status=500, times=10)

        text = text_of(payer, session)

        assert "An error occurred with our payment provider." in text
        assert "Look again" in text

    def test_answered_is_noticed_ahead_of_the_webhook(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")
        self.answer(stripe, text, outcome="pass")

        response = payer.post(address_of(session, "confirmed"), follow=True)

        assert "Starter is active" in response.content.decode()

    def test_answered_with_no_offers_another_try(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        text = pay(payer, session, "pm_card_threeDSecure2Required")
        self.answer(stripe, text, outcome="fail")

        response = payer.post(address_of(session, "confirmed"), follow=True)

        assert "Your bank did not confirm the payment." in response.content.decode()
        assert "Starter is active" in pay(payer, session, "pm_card_visa")

    def test_provider_that_does_not_answer_changes_nothing(
        self, payer: Client, session: CheckoutSession, stripe: StripeSimulator
    ) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")
        stripe.add_fault(path="/v1/subscriptions", status=500, times=10)

        response = payer.post(address_of(session, "confirmed"))

        assert response.status_code == 302
        assert payer.get(address_of(session, "state")).json() == {"stage": "action"}

    def test_can_be_left_for_another_card(self, payer: Client, session: CheckoutSession) -> None:
        pay(payer, session, "pm_card_threeDSecure2Required")

        response = payer.post(address_of(session, "restart"))
        fresh = CheckoutSession.objects.exclude(pk=session.pk).get()

        assert response["Location"] == address_of(fresh)
        assert "Starter is active" in pay(payer, fresh, "pm_card_visa")
        statuses = Subscription.objects.order_by("created_at").values_list("status", flat=True)
        assert statuses[1] == SubscriptionStatus.ACTIVE
        assert statuses[0] in (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)

    @staticmethod
    def answer(stripe: StripeSimulator, text: str, *, outcome: str) -> None:
        """Answer the bank's question, as the payer does in its frame."""
        found = re.search(r'data-client-secret="((pi_\w+?)_secret_\w+)"', text)
        assert found is not None
        response = stripe.http.post(
            f"/3ds/{found[2]}", data={"client_secret": found[1], "outcome": outcome}
        )
        assert response.status_code == 200, response.text
