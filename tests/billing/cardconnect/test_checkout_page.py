"""Our checkout page where CardConnect charges: a token and an expiry from its frame, no number."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client

from billing.enums import CheckoutStatus, Provider
from billing.models import (
    CheckoutSession,
    MerchantAccount,
    PaymentAttempt,
    PaymentMethod,
    Price,
    Subscription,
)
from billing.services import card_testing
from orgs.models import Organization, User
from tests.billing.cardconnect.gateway_steps import sent
from tests.billing.checkout_steps import NONCE, address_of, open_checkout, text_of
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.django_db

VISA, NO_FUNDS = "4788250000121443", "4387751111111053"


@pytest.fixture
def session(
    org: Organization, catalogue: dict[str, Price], account: MerchantAccount
) -> CheckoutSession:
    """An open checkout of Acme for Starter by the month, through CardConnect."""
    call_command("push_catalogue", provider="cardconnect", verbosity=0)
    price = catalogue["starter:month"]
    return open_checkout(org, price, provider=Provider.CARDCONNECT)[0]


@pytest.fixture
def payer(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def pay(payer: Client, session: CheckoutSession, **form: str) -> str:
    """Send the form of the page; return the text of the page that follows."""
    details = {"expiry": "1230", "cardholder": "Joe Cardholder", "postal": "19355"}
    if "nonce" not in form:
        found = NONCE.search(text_of(payer, session))
        assert found is not None
        form["nonce"] = found[1]
    response = payer.post(address_of(session), {**details, **form}, follow=True)
    assert response.redirect_chain == [(address_of(session), 302)]
    return response.content.decode()


def policy(payer: Client, session: CheckoutSession) -> dict[str, str]:
    header = payer.get(address_of(session))["Content-Security-Policy"]
    parts = (part.strip().partition(" ") for part in header.split(";"))
    return {name: sources for name, _, sources in parts}


class TestPage:
    def test_frames_the_tokenizer_of_the_site_and_no_script_of_others(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        text = text_of(payer, session)

        assert f'data-frame-url="{simulator.tokenizer_url()}?' in text
        assert f'data-frame-origin="{simulator.base_url}"' in text
        assert "Pay $29.00" in text
        assert "Card details go directly to CardConnect; Till never sees them." in text
        assert "Stripe" not in text
        scripts = re.findall(r'<script src="([^"]*)"', text)
        assert all(source.startswith("/static/") for source in scripts), scripts

    def test_lets_the_page_hold_that_frame_and_nothing_else(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        allowed = policy(payer, session)

        assert allowed["frame-src"] == simulator.base_url
        assert allowed["script-src"] == allowed["connect-src"] == allowed["form-action"] == "'self'"
        assert allowed["frame-ancestors"] == "'none'"

    def test_leaves_the_policy_of_other_checkouts_alone(
        self, payer: Client, org: Organization, catalogue: dict[str, Price], settings: Any
    ) -> None:
        at_stripe = open_checkout(org, catalogue["starter:month"])[0]

        assert settings.STRIPE_API_BASE in policy(payer, at_stripe)["frame-src"]

    def test_says_so_when_no_merchant_account_is_there(
        self, payer: Client, session: CheckoutSession, account: MerchantAccount
    ) -> None:
        MerchantAccount.objects.update(is_active=False)

        text = text_of(payer, session)

        assert "be entered right now" in text
        assert "data-pay" not in text

    def test_leads_to_no_other_providers_page(
        self, payer: Client, session: CheckoutSession
    ) -> None:
        response = payer.post(address_of(session, "provider"), follow=True)

        assert response.redirect_chain == [(address_of(session), 302)]
        assert CheckoutSession.objects.count() == 1


class TestPaying:
    def test_with_a_good_card_is_active_at_once(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        token = simulator.tokenize(VISA, expiry="1230", cvv="112")

        text = pay(payer, session, payment_method=token)

        assert "Starter is active" in text
        session.refresh_from_db()
        assert session.status == CheckoutStatus.COMPLETE
        row = Subscription.objects.get()
        assert (row.provider, row.status) == ("cardconnect", "active")
        method = PaymentMethod.objects.get()
        assert (method.last4, method.exp_month, method.exp_year) == ("1443", 12, 2030)
        kept, charged = sent(simulator, "auth")
        assert (kept["amount"], charged["amount"]) == ("0.00", "29.00")
        assert (kept["expiry"], kept["name"], kept["postal"]) == ("1230", "Joe Cardholder", "19355")

    def test_with_a_declined_card_says_so_and_takes_another(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        declined = simulator.tokenize(NO_FUNDS, expiry="1230", cvv="112")

        text = pay(payer, session, payment_method=declined)

        assert "The payment was not taken" in text
        assert "Nothing was charged." in text
        assert "Insufficient funds" not in text
        assert simulator.tokenizer_url() in text
        good = simulator.tokenize(VISA, expiry="1230", cvv="112")
        assert "Starter is active" in pay(payer, session, payment_method=good)

    @pytest.mark.parametrize(
        "form",
        [
            {"payment_method": ""},
            {"payment_method": "4111111111111111"},
            {"payment_method": "9411111111111111\n"},
            {"payment_method": "pm_card_visa"},
            {"payment_method": "9411111111111111", "expiry": ""},
            {"payment_method": "9411111111111111", "expiry": "1330"},
            {"payment_method": "9411111111111111", "expiry": "203012"},
        ],
    )
    def test_takes_nothing_but_a_token_and_an_expiry(
        self,
        payer: Client,
        session: CheckoutSession,
        simulator: CardPointeSimulator,
        form: dict[str, str],
    ) -> None:
        text = pay(payer, session, **form)

        assert "The card could not be read." in text
        assert simulator.requests() == []
        assert not Subscription.objects.exists()

    def test_is_not_sent_twice_by_the_same_form(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        token = simulator.tokenize(VISA, expiry="1230", cvv="112")
        nonce = "n" * 32

        for _ in range(2):
            pay(payer, session, payment_method=token, nonce=nonce)

        charges = [fields for fields in sent(simulator, "auth") if fields["amount"] == "29.00"]
        assert len(charges) == 1

    def test_whose_answer_is_lost_waits_and_is_charged_once(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        simulator.add_fault("drop_after", amount="29.00")
        token = simulator.tokenize(VISA, expiry="1230", cvv="112")

        text = pay(payer, session, payment_method=token)

        assert "Confirming your payment" in text
        assert Subscription.objects.get().status == "incomplete"
        approved = [txn for txn in simulator.transactions() if txn["captured"]]
        assert len(approved) == 1


class TestGuessing:
    def test_ends_after_ten_declines_within_an_hour(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        declined = simulator.tokenize(NO_FUNDS, expiry="1230")
        for _ in range(card_testing.MOST_DECLINES):
            assert "The payment was not taken" in pay(payer, session, payment_method=declined)
        asked = simulator.calls_so_far()

        text = pay(payer, session, payment_method=declined)

        assert "Too many cards were declined. Nothing was charged." in text
        assert simulator.calls_so_far() == asked

    def test_goes_on_an_hour_later(
        self, payer: Client, session: CheckoutSession, simulator: CardPointeSimulator
    ) -> None:
        declined = simulator.tokenize(NO_FUNDS, expiry="1230")
        for _ in range(card_testing.MOST_DECLINES):
            pay(payer, session, payment_method=declined)
        PaymentAttempt.objects.update(resolved_at=F("resolved_at") - card_testing.WINDOW)
        good = simulator.tokenize(VISA, expiry="1230", cvv="112")

        assert "Starter is active" in pay(payer, session, payment_method=good)
