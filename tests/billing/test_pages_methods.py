"""What is charged: `/settings/billing/payment-methods`."""

import uuid
from typing import Any

import pytest
from django.test import Client

from billing.models import PaymentMethod, Subscription
from orgs.models import Organization, User
from tests.billing.page_steps import (
    METHODS,
    OVERVIEW,
    fall_behind,
    folded,
    refused,
    send,
    show,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

NEW, SETUP, PORTAL = f"{METHODS}/new", f"{METHODS}/setup", f"{METHODS}/portal"
MASTERCARD = {"payment_method": "pm_card_mastercard"}
AS_DEFAULT = {**MASTERCARD, "set_default": "on"}


@pytest.fixture
def two(payer: Client, running: Subscription) -> dict[str, PaymentMethod]:
    """A Visa that is charged, and a Mastercard; by brand."""
    show(payer, METHODS)
    send(payer, NEW, MASTERCARD)
    return {row.brand: row for row in PaymentMethod.objects.all()}


def default_brand() -> str:
    return PaymentMethod.objects.get(is_default=True).brand


def of(method: PaymentMethod, what: str) -> str:
    return f"{METHODS}/{method.pk}/{what}"


class TestList:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(METHODS)["Location"] == f"/login?next={METHODS}"

    def test_shows_what_is_charged(self, payer: Client, running: Subscription) -> None:
        text = show(payer, METHODS)

        assert "Visa ending in 4242" in text
        assert '<span class="badge badge--info">Default</span>' in text
        assert "valid until" in text

    def test_says_that_there_is_none(self, payer: Client, org: Organization) -> None:
        assert "No payment method is known here yet." in show(payer, METHODS)

    def test_marks_what_has_expired(self, payer: Client, running: Subscription) -> None:
        show(payer, METHODS)
        PaymentMethod.objects.update(exp_month=1, exp_year=2020)

        assert '<span class="badge badge--warning">Expired</span>' in show(payer, METHODS)

    def test_is_readable_for_viewers(
        self, client: Client, bob: User, two: dict[str, PaymentMethod]
    ) -> None:
        client.force_login(bob)

        text = show(client, METHODS)

        assert "Mastercard ending in 4444" in text
        assert "To change what is charged, ask an owner" in text
        for words in ("Make default", "Remove<", "Add a card", "Manage at Stripe"):
            assert words not in text

    def test_does_not_show_another_organizations(
        self, client: Client, charlie: User, two: dict[str, PaymentMethod]
    ) -> None:
        client.force_login(charlie)

        assert "4242" not in show(client, METHODS)


class TestWhoMayAct:
    @pytest.mark.parametrize("what", ["new", "setup", "portal", "{}/default", "{}/remove"])
    def test_viewers_may_not(
        self, client: Client, bob: User, two: dict[str, PaymentMethod], what: str
    ) -> None:
        client.force_login(bob)

        response = client.post(f"{METHODS}/{what.format(two['mastercard'].pk)}", AS_DEFAULT)

        assert response.status_code == 403
        assert default_brand() == "visa"
        assert PaymentMethod.objects.filter(detached_at=None).count() == 2

    @pytest.mark.parametrize("what", ["default", "remove"])
    def test_strangers_do_not_even_find_it(
        self, client: Client, charlie: User, two: dict[str, PaymentMethod], what: str
    ) -> None:
        client.force_login(charlie)

        assert client.post(of(two["mastercard"], what)).status_code == 404
        assert client.post(f"{METHODS}/{uuid.uuid4()}/{what}").status_code == 404
        assert client.post(f"{METHODS}/none/{what}").status_code == 404

    def test_the_question_before_a_removal_is_not_for_strangers(
        self, client: Client, charlie: User, bob: User, two: dict[str, PaymentMethod]
    ) -> None:
        client.force_login(charlie)
        show(client, of(two["visa"], "remove"), 404)
        client.force_login(bob)
        show(client, of(two["visa"], "remove"), 403)

    @pytest.mark.parametrize("what", ["new", "setup", "portal", "{}/default", "{}/remove"])
    def test_every_form_needs_a_csrf_token(
        self, alice: User, two: dict[str, PaymentMethod], what: str
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        response = client.post(f"{METHODS}/{what.format(two['mastercard'].pk)}", AS_DEFAULT)

        assert response.status_code == 403


class TestDefault:
    def test_is_charged_from_now_on(self, payer: Client, two: dict[str, PaymentMethod]) -> None:
        text = send(payer, of(two["mastercard"], "default"), to=METHODS)

        assert "Mastercard ending in 4444 is charged from now on." in text
        assert default_brand() == "mastercard"

    def test_pays_what_is_overdue_at_once(
        self,
        payer: Client,
        running: Subscription,
        two: dict[str, PaymentMethod],
        stripe: StripeSimulator,
    ) -> None:
        fall_behind(stripe, running)
        assert "Pay with it" in show(payer, METHODS)

        text = send(payer, of(two["mastercard"], "default"), to=METHODS)

        assert "What was overdue is paid. Starter is active again." in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, two: dict[str, PaymentMethod], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/(customers|subscriptions)", status=429, times=20)

        text = refused(payer, of(two["mastercard"], "default"), None, 429)

        assert "Too many requests. Please try again later." in text
        assert default_brand() == "visa"


class TestRemove:
    def test_asks_first_and_says_what_follows(
        self, payer: Client, two: dict[str, PaymentMethod]
    ) -> None:
        text = show(payer, of(two["visa"], "remove"))

        assert "Remove Visa ending in 4242?" in text
        assert "Mastercard ending in 4444 takes its place." in text

    def test_removes_it(self, payer: Client, two: dict[str, PaymentMethod]) -> None:
        text = send(payer, of(two["visa"], "remove"), to=METHODS)

        assert "Visa ending in 4242 was removed." in text
        assert default_brand() == "mastercard"
        show(payer, of(two["visa"], "remove"), 404)

    def test_keeps_the_last_one_of_a_running_subscription(
        self, payer: Client, running: Subscription
    ) -> None:
        show(payer, METHODS)

        text = refused(payer, of(PaymentMethod.objects.get(), "remove"), None, 409)

        assert "This is the only payment method of a running subscription." in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, two: dict[str, PaymentMethod], stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/detach", status=429, times=20)

        text = refused(payer, of(two["mastercard"], "remove"), None, 429)

        assert "Too many requests. Please try again later." in text


class TestPortal:
    def test_leads_to_the_provider(
        self, payer: Client, running: Subscription, settings: Any
    ) -> None:
        response = payer.post(PORTAL)

        assert response.status_code == 302
        assert response["Location"].startswith(settings.STRIPE_API_BASE)
        assert response["Cache-Control"] == "no-store"

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/billing_portal/sessions", status=429, times=20)

        text = refused(payer, PORTAL, None, 429)

        assert "Too many requests. Please try again later." in text
        assert "Payment methods" in text

    def test_can_only_be_sent(self, payer: Client) -> None:
        assert payer.get(PORTAL).status_code == 405
        assert folded(payer.get(OVERVIEW).content)
