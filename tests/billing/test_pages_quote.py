"""What a change costs: `/settings/billing/plan/quotes/{id}`."""

import uuid

import pytest
from django.test import Client

from billing.models import Price, Subscription
from orgs.models import Organization, User
from tests.billing.page_steps import (
    METHODS,
    PLAN,
    plan_of,
    quote_address,
    quote_for,
    run,
    show,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestShowing:
    def test_shows_every_line_the_sum_and_how_long_it_holds(
        self, payer: Client, running: Subscription
    ) -> None:
        show(payer, METHODS)  # from now on the card is known here
        quote = quote_for(payer, seats="2")

        text = show(payer, quote_address(quote))

        for line in quote.lines:
            assert line["description"] in text
        assert "Until now: Starter, 1 seat, $29.00 a month." in text
        assert "Professional, 2 seats, $198.00 a month" in text
        assert "Due now" in text
        assert f"{quote.expires_at:%H:%M} UTC" in text
        due = f"${quote.amount_due_minor / 100:.2f}"
        assert f"Pay {due} now and switch" in text
        assert "Charged to Visa ending in 4242" in text

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"plan": "", "seats": "3"}, "now and change seats"),
            ({"effective": "period_end"}, "Switch on "),
            ({"plan": "", "seats": "3", "effective": "period_end"}, "Change seats on "),
        ],
    )
    def test_the_button_says_what_it_does(
        self, payer: Client, running: Subscription, changed: dict[str, str], words: str
    ) -> None:
        assert words in show(payer, quote_address(quote_for(payer, **changed)))

    def test_says_that_nothing_is_charged_before_the_period_ends(
        self, payer: Client, running: Subscription
    ) -> None:
        text = show(payer, quote_address(quote_for(payer, effective="period_end")))

        ends = f"{running.current_period_end:%-d %B %Y}"
        assert "Nothing is charged today." in text
        assert f"Due on {ends}" in text
        assert "$99.00" in text

    def test_shows_what_stays_as_credit(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        run(org, catalogue["professional:month"])

        text = show(payer, quote_address(quote_for(payer, plan="starter")))

        assert "Stays as your credit" in text
        assert "taken off your next invoices" in text
        assert "> Switch now <" in text.replace(">Switch now<", "> Switch now <")

    def test_asks_no_provider(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        since = stripe.calls_so_far()

        show(payer, quote_address(quote))

        assert stripe.requests()[since:] == []

    @pytest.mark.parametrize("what", ["", "/state"])
    def test_does_not_exist_for_others(
        self, client: Client, payer: Client, charlie: User, running: Subscription, what: str
    ) -> None:
        quote = quote_for(payer)
        client.force_login(charlie)

        show(client, quote_address(quote, what), 404)
        show(client, f"{PLAN}/quotes/{uuid.uuid4()}{what}", 404)
        show(client, f"{PLAN}/quotes/none{what}", 404)

    @pytest.mark.parametrize("what", ["", "/confirmed", "/other-card"])
    def test_takes_no_forms_from_others(
        self, client: Client, payer: Client, charlie: User, running: Subscription, what: str
    ) -> None:
        quote = quote_for(payer)
        client.force_login(charlie)

        assert client.post(quote_address(quote, what)).status_code == 404

    @pytest.mark.parametrize("what", ["", "/confirmed", "/other-card"])
    def test_takes_no_forms_from_viewers(
        self, client: Client, bob: User, running: Subscription, what: str
    ) -> None:
        client.force_login(bob)
        quote = quote_for(client)

        assert client.post(quote_address(quote, what)).status_code == 403
        assert plan_of(running) == "starter x1"

    def test_needs_a_csrf_token(self, alice: User, payer: Client, running: Subscription) -> None:
        quote = quote_for(payer)
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post(quote_address(quote)).status_code == 403
