"""Giving another card: `/settings/billing/payment-methods/new`."""

from typing import Any

import pytest
from django.test import Client

from billing.enums import SubscriptionStatus
from billing.models import PaymentMethod, Subscription
from orgs.models import User
from tests.billing.page_steps import (
    METHODS,
    fall_behind,
    refused,
    send,
    show,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

NEW, SETUP, PORTAL = f"{METHODS}/new", f"{METHODS}/setup", f"{METHODS}/portal"
MASTERCARD = {"payment_method": "pm_card_mastercard"}
AS_DEFAULT = {**MASTERCARD, "set_default": "on"}


def default_brand() -> str:
    return PaymentMethod.objects.get(is_default=True).brand


class TestAdd:
    def test_shows_the_secure_element_and_the_way_without_scripts(
        self, payer: Client, running: Subscription, settings: Any
    ) -> None:
        text = show(payer, NEW)

        assert f'src="{settings.STRIPE_JS_URL}"' in text
        assert settings.STRIPE_PUBLISHABLE_KEY in text
        assert settings.STRIPE_SECRET_KEY not in text
        assert f'data-setup="{SETUP}"' in text
        assert f'action="{PORTAL}"' in text
        assert 'name="set_default" checked' in text

    def test_is_not_for_viewers(self, client: Client, bob: User, running: Subscription) -> None:
        client.force_login(bob)

        show(client, NEW, 403)

    def test_prepares_the_element(self, payer: Client, running: Subscription) -> None:
        response = payer.post(SETUP)

        assert response["Cache-Control"] == "no-store"
        assert response.json()["client_secret"].startswith("seti_")

    def test_says_that_it_could_not_be_prepared(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/setup_intents", status=429, times=10)

        response = payer.post(SETUP)

        assert response.status_code == 429
        assert response.json() == {"message": "Too many requests. Please try again later."}

    def test_charges_a_new_card_from_now_on(self, payer: Client, running: Subscription) -> None:
        show(payer, METHODS)

        text = send(payer, NEW, AS_DEFAULT, to=METHODS)

        assert "Mastercard ending in 4444 was added." in text
        assert default_brand() == "mastercard"

    def test_leaves_the_default_if_asked_to(self, payer: Client, running: Subscription) -> None:
        show(payer, METHODS)

        send(payer, NEW, MASTERCARD, to=METHODS)

        assert default_brand() == "visa"

    def test_pays_what_is_overdue_at_once(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        fall_behind(stripe, running)
        text = show(payer, NEW)
        assert "the card is charged at once." in text
        assert 'type="hidden" name="set_default" value="on"' in text

        text = send(payer, NEW, AS_DEFAULT, to=METHODS)

        assert "What was overdue is paid. Starter is active again." in text
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.ACTIVE

    def test_says_that_the_new_card_did_not_pay_what_is_overdue(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        fall_behind(stripe, running)
        form = {"payment_method": "pm_card_chargeCustomerFail", "set_default": "on"}

        text = send(payer, NEW, form, to=METHODS)

        assert "was added." in text
        assert "What is overdue was not paid: Your card was declined." in text
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.PAST_DUE

    @pytest.mark.parametrize(
        "reference", ["", "4242 4242 4242 4242", "pm_\x00", "pm", "pm_card/../x", "p" * 201]
    )
    def test_asks_again_when_the_element_did_not_fill_the_form(
        self, payer: Client, running: Subscription, reference: str
    ) -> None:
        text = refused(payer, NEW, {"payment_method": reference}, 400)

        assert "The card could not be read. Please enter it again." in text

    @pytest.mark.parametrize(
        ("reference", "status", "words"),
        [
            ("pm_card_chargeDeclined", 402, "Your card was declined."),
            ("pm_nobody_knows", 400, "be used. Please enter it again."),
        ],
    )
    def test_says_that_the_card_was_refused(
        self, payer: Client, running: Subscription, reference: str, status: int, words: str
    ) -> None:
        text = refused(payer, NEW, {"payment_method": reference}, status)

        assert "The card was not added" in text
        assert words in text
