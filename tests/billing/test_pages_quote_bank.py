"""A change whose payment the bank asks about, or nobody knows the outcome of."""

import re
from typing import Any

import pytest
from django.test import Client

from billing.enums import AttemptState
from billing.models import PaymentAttempt, Subscription
from orgs.models import User
from tests.billing.page_steps import (
    METHODS,
    OVERVIEW,
    change_card,
    look,
    plan_of,
    quote_address,
    quote_for,
    refused,
    send,
    show,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def answer(stripe: StripeSimulator, text: str, outcome: str) -> None:
    """Answer the bank's question, as the payer does in its frame."""
    found = re.search(r'data-client-secret="((pi_\w+?)_secret_\w+)"', text)
    assert found is not None
    response = stripe.http.post(
        f"/3ds/{found[2]}", data={"client_secret": found[1], "outcome": outcome}
    )
    assert response.status_code == 200, response.text


class TestBank:
    def test_asks_and_a_yes_leads_to_the_overview(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")

        text = send(payer, quote_address(quote), to=quote_address(quote))

        assert "Confirm with your bank" in text
        assert 'data-client-secret="pi_' in text
        assert payer.get(quote_address(quote, "/state")).json() == {"stage": "action"}
        assert "Go on with it" in show(payer, OVERVIEW)
        answer(stripe, text, "pass")
        text = send(payer, quote_address(quote, "/confirmed"), to=OVERVIEW)
        assert "Done. It is Professional, 1 seat now." in text
        assert payer.get(quote_address(quote, "/state")).json() == {"stage": "succeeded"}
        assert plan_of(running) == "professional x1"

    def test_a_no_leads_back_to_the_price(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        text = send(payer, quote_address(quote))
        answer(stripe, text, "fail")

        text = send(payer, quote_address(quote, "/confirmed"), to=quote_address(quote))

        assert "Your bank did not confirm the payment." in text
        assert "Nothing was charged." in text
        look(running)
        assert running.pending_change is None
        assert plan_of(running) == "starter x1"
        change_card(stripe, running, "pm_card_visa")
        send(payer, quote_address(quote), to=OVERVIEW)
        assert plan_of(running) == "professional x1"

    def test_a_no_that_could_not_be_told_to_the_provider_can_be_withdrawn_later(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        answer(stripe, send(payer, quote_address(quote)), "fail")
        stripe.add_fault(method="POST", path="/void", status=429, times=10)
        text = send(payer, quote_address(quote, "/confirmed"), to=quote_address(quote))
        assert "Your bank did not confirm the payment." in text
        assert "Another change" in refused(payer, quote_address(quote), None, 409)
        stripe.clear_faults()

        text = send(payer, f"{OVERVIEW}/withdraw", to=OVERVIEW)

        assert "The change was withdrawn." in text
        running.refresh_from_db()
        assert running.pending_change is None

    def test_is_left_for_another_card(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        send(payer, quote_address(quote))

        text = send(payer, quote_address(quote, "/other-card"), to=METHODS)

        assert "Nothing was charged." in text
        running.refresh_from_db()
        assert running.pending_change is None

    def test_is_left_when_it_was_paid_a_moment_before(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        text = send(payer, quote_address(quote))
        answer(stripe, text, "pass")

        text = send(payer, quote_address(quote, "/other-card"), to=OVERVIEW)

        assert "Done. It is Professional, 1 seat now." in text

    def test_tells_a_viewer_only_what_is_going_on(
        self, client: Client, payer: Client, bob: User, running: Subscription, stripe: Any
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        send(payer, quote_address(quote))
        client.force_login(bob)

        text = show(client, quote_address(quote))

        assert "as soon as the payer has confirmed" in text
        assert "data-client-secret" not in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_authenticationRequired")
        send(payer, quote_address(quote))
        stripe.add_fault(path=f"/v1/subscriptions/{running.external_id}", status=429, times=20)

        text = show(payer, quote_address(quote))
        assert "Too many requests. Please try again later." in text
        assert "Look again" in text
        text = send(payer, quote_address(quote, "/confirmed"), to=quote_address(quote))
        assert "Confirm with your bank" in text
        assert "Too many requests" in refused(payer, quote_address(quote, "/other-card"), None, 429)

    def test_nobody_asked_anything(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        since = stripe.calls_so_far()

        text = send(payer, quote_address(quote, "/confirmed"), to=quote_address(quote))

        assert "now and switch" in text
        assert stripe.requests()[since:] == []


class TestUnknown:
    def test_waits_for_an_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        stripe.add_fault(
            method="POST",
            path=f"/v1/subscriptions/{running.external_id}",
            action="reset_before",
            times=10,
        )

        text = send(payer, quote_address(quote), to=quote_address(quote))

        assert "Confirming the change" in text
        assert payer.get(quote_address(quote, "/state")).json() == {"stage": "pending"}
        assert PaymentAttempt.objects.latest("created_at").state == AttemptState.UNKNOWN
        assert "waits for its payment" in show(payer, OVERVIEW)

    def test_finds_out_when_asked(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        stripe.add_fault(
            method="POST",
            path=f"/v1/subscriptions/{running.external_id}",
            action="reset_after",
            times=10,
        )
        send(payer, quote_address(quote), to=quote_address(quote))
        stripe.clear_faults()

        send(payer, quote_address(quote, "/confirmed"), to=OVERVIEW)

        assert plan_of(running) == "professional x1"
