"""Adding a card of CardConnect: on our page, and over HTTP."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from billing.enums import Provider
from billing.models import MerchantAccount, PaymentMethod, Price
from billing.services import subscribe
from billing.types import CardDetails
from orgs import clock
from orgs.models import Organization, User
from tests.billing.api_caller import Caller, error_of
from tests.billing.page_steps import METHODS, refused, send, show
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.django_db

VISA, MASTERCARD, NO_FUNDS = "4788250000121443", "5454545454545454", "4387751111111053"
NEW = f"{METHODS}/new"
PATH = "/billing/payment-methods"
BY_CARDCONNECT = {"provider": "cardconnect"}


@pytest.fixture
def price(catalogue: dict[str, Price], account: MerchantAccount) -> Price:
    """Starter by the month, known to our engine."""
    call_command("push_catalogue", provider="cardconnect", verbosity=0)
    return catalogue["starter:month"]


@pytest.fixture
def payer(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def paying(org: Organization, price: Price, simulator: CardPointeSimulator) -> Organization:
    """Acme, whose Starter CardConnect charges."""
    request = subscribe.StartRequest(
        price=price,
        provider=Provider.CARDCONNECT,
        payment_method=token(simulator),
        card=CardDetails(expiry="1230"),
    )
    subscribe.start_subscription(organization=org, request=request, cause=CAUSE, now=clock.now(org))
    return org


def token(simulator: CardPointeSimulator, pan: str = VISA) -> str:
    return simulator.tokenize(pan, expiry="1230", cvv="112")


class TestPage:
    def test_frames_the_tokenizer_and_offers_no_other_page(
        self, payer: Client, paying: Organization, simulator: CardPointeSimulator
    ) -> None:
        text = show(payer, NEW)

        assert f'data-frame-url="{simulator.tokenizer_url()}?' in text
        assert "Add the card" in text
        assert "Stripe" not in text
        assert "Manage at Stripe" not in show(payer, METHODS)

    def test_adds_a_card_and_charges_everything_to_it(
        self, payer: Client, paying: Organization, simulator: CardPointeSimulator
    ) -> None:
        form = {
            "payment_method": token(simulator, MASTERCARD),
            "expiry": "1230",
            "set_default": "on",
        }

        text = send(payer, NEW, form, to=METHODS)

        assert "ending in 5454 was added" in text
        assert PaymentMethod.objects.get(is_default=True).last4 == "5454"

    def test_says_that_a_card_was_declined(
        self, payer: Client, paying: Organization, simulator: CardPointeSimulator
    ) -> None:
        form = {"payment_method": token(simulator, NO_FUNDS), "expiry": "1230"}

        text = refused(payer, NEW, form, 402)

        assert "The card was not added" in text
        assert PaymentMethod.objects.count() == 1

    def test_takes_no_number(
        self, payer: Client, paying: Organization, simulator: CardPointeSimulator
    ) -> None:
        since = simulator.calls_so_far()

        refused(payer, NEW, {"payment_method": VISA, "expiry": "1230"}, 400)

        assert simulator.calls_so_far() == since


class TestSetup:
    def test_says_where_the_tokenizer_is(
        self, setup: Caller, price: Price, simulator: CardPointeSimulator
    ) -> None:
        answer = setup.post(f"{PATH}/setup-intent", BY_CARDCONNECT)

        assert answer.status_code == 201
        shown = answer.json()
        assert set(shown) == {"tokenizer_url", "tokenizer_origin"}
        assert shown["tokenizer_url"].startswith(f"{simulator.tokenizer_url()}?")
        assert shown["tokenizer_origin"] == simulator.base_url

    def test_is_the_default_providers_when_that_is_configured(
        self, setup: Caller, price: Price, settings: Any
    ) -> None:
        settings.DEFAULT_PROVIDER = "cardconnect"

        assert "tokenizer_url" in setup.post(f"{PATH}/setup-intent", {}).json()


class TestAttaching:
    def test_takes_a_token_with_its_expiry(
        self, owner: Caller, price: Price, simulator: CardPointeSimulator
    ) -> None:
        body = {
            **BY_CARDCONNECT,
            "token": token(simulator),
            "card": {"expiry": "1230", "name": "Joe Cardholder", "postal": "19355"},
        }

        answer = owner.post(PATH, body)

        assert answer.status_code == 201, answer.content
        shown = answer.json()
        assert (shown["provider"], shown["last4"]) == ("cardconnect", "1443")
        assert (shown["exp_month"], shown["exp_year"]) == (12, 2030)
        assert token(simulator) not in answer.content.decode()

    def test_needs_the_expiry(
        self, owner: Caller, price: Price, simulator: CardPointeSimulator
    ) -> None:
        answer = owner.post(PATH, {**BY_CARDCONNECT, "token": token(simulator)})

        assert answer.status_code == 400
        assert error_of(answer)["code"] == "INVALID_REQUEST"

    def test_of_a_declined_card_keeps_nothing(
        self, owner: Caller, price: Price, simulator: CardPointeSimulator
    ) -> None:
        body = {**BY_CARDCONNECT, "token": token(simulator, NO_FUNDS), "card": {"expiry": "1230"}}

        answer = owner.post(PATH, body)

        assert (answer.status_code, error_of(answer)["code"]) == (402, "CARD_DECLINED")
        assert not PaymentMethod.objects.exists()


class TestStarting:
    def test_over_http_with_a_token_and_its_expiry(
        self, setup: Caller, price: Price, simulator: CardPointeSimulator
    ) -> None:
        body = {
            **BY_CARDCONNECT,
            "plan": "starter",
            "token": token(simulator),
            "card": {"expiry": "1230"},
        }

        answer = setup.post("/billing/subscription", body)

        assert answer.status_code == 201, answer.content
        assert (answer.json()["provider"], answer.json()["status"]) == ("cardconnect", "active")

    def test_opens_our_page_where_the_provider_has_none(self, setup: Caller, price: Price) -> None:
        body = {**BY_CARDCONNECT, "plan": "starter", "ui": "hosted_provider"}

        answer = setup.post("/billing/session", body)

        assert answer.status_code == 201
        assert "/settings/billing/checkout/" in answer.json()["session_url"]
