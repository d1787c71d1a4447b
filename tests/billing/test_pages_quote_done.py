"""Doing a change for exactly what its page said."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.enums import Effective, ObligationKind
from billing.models import Obligation, Price, Quote, Subscription
from billing.services import changes, endings, quotes
from orgs import clock
from orgs.models import Organization, Role
from tests.billing.page_steps import (
    METHODS,
    OVERVIEW,
    change_card,
    fall_behind,
    plan_of,
    quote_address,
    quote_for,
    refused,
    run,
    send,
    show,
)
from tests.billing.subscribe_steps import CAUSE
from tests.factories import MembershipFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def make_stale(quote: Quote) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Quote.objects.filter(pk=quote.pk).update(expires_at=past)


class TestDoing:
    def test_charges_exactly_what_was_shown(self, payer: Client, running: Subscription) -> None:
        quote = quote_for(payer, seats="2")

        text = send(payer, quote_address(quote), to=OVERVIEW)

        assert "Done. It is Professional, 2 seats now." in text
        assert plan_of(running) == "professional x2"
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert debt.amount_minor == quote.amount_due_minor

    def test_twice_charges_once(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        send(payer, quote_address(quote), to=OVERVIEW)
        since = stripe.calls_so_far()

        text = send(payer, quote_address(quote), to=OVERVIEW)

        assert "Done. It is Professional, 1 seat now." in text
        assert stripe.requests()[since:] == []

    def test_waits_for_the_end_of_the_period(self, payer: Client, running: Subscription) -> None:
        quote = quote_for(payer, effective="period_end")

        text = send(payer, quote_address(quote), to=OVERVIEW)

        assert f"Done. From {running.current_period_end:%-d %B %Y} it is Professional" in text
        assert "Withdraw the change" in text
        assert plan_of(running) == "starter x1"

    def test_shows_the_new_amount_when_it_is_another_one(
        self, payer: Client, org: Organization, running: Subscription
    ) -> None:
        quote = quote_for(payer)
        seats = quotes.Wanted(seats=3)
        changes.change_subscription(organization=org, wanted=seats, cause=CAUSE, now=clock.now())

        text = refused(payer, quote_address(quote), None, 409)

        assert "Please look again" in text
        assert "The amount has changed since: it was $" in text
        assert "Nothing was charged." in text
        newest = Quote.objects.latest("created_at")
        assert f'action="{quote_address(newest)}"' in text
        assert plan_of(running) == "starter x3"

    def test_looks_an_expired_price_up_again(self, payer: Client, running: Subscription) -> None:
        quote = quote_for(payer, effective="period_end")
        make_stale(quote)
        assert "This price does not hold any more." in show(payer, quote_address(quote))
        assert "Look up the price again" in show(payer, quote_address(quote))

        text = refused(payer, quote_address(quote), None, 409)

        assert "it is still $99.00" in text
        assert plan_of(running) == "starter x1"

    def test_says_that_it_is_so_already(
        self, payer: Client, org: Organization, running: Subscription
    ) -> None:
        quote = quote_for(payer, plan="", seats="3")
        changes.change_subscription(
            organization=org, wanted=quotes.Wanted(seats=3), cause=CAUSE, now=clock.now()
        )

        text = send(payer, quote_address(quote), to=OVERVIEW)

        assert "it is so already" in text

    def test_says_that_a_decline_changed_nothing(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_chargeCustomerFail")

        text = refused(payer, quote_address(quote), None, 402)

        assert "The payment was not taken" in text
        assert "Your card was declined. Please try another payment method." in text
        assert f'href="{METHODS}/new">Use another card' in text
        assert plan_of(running) == "starter x1"
        assert "The payment was not taken" in show(payer, quote_address(quote))

    def test_succeeds_with_another_card_after_a_decline(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        change_card(stripe, running, "pm_card_chargeCustomerFail")
        refused(payer, quote_address(quote), None, 402)
        change_card(stripe, running, "pm_card_visa")

        send(payer, quote_address(quote), to=OVERVIEW)

        assert plan_of(running) == "professional x1"

    def test_lists_what_has_to_be_reduced(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        row = run(org, catalogue["professional:month"], seats=8)
        quote = quote_for(payer, plan="starter", seats="8")
        for _ in range(6):
            MembershipFactory.create(organization=org, role=Role.VIEWER)

        text = refused(payer, quote_address(quote), None, 409)

        assert "Users: In use: 7; the plan allows 3." in text
        assert plan_of(row) == "professional x8"

    def test_refuses_while_another_change_is_pending(
        self, payer: Client, running: Subscription
    ) -> None:
        first, second = quote_for(payer, effective="period_end"), quote_for(payer, seats="2")
        send(payer, quote_address(first), to=OVERVIEW)

        text = refused(payer, quote_address(second), None, 409)

        assert "Another change of this subscription is pending." in text

    def test_refuses_what_owes_something(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        fall_behind(stripe, running)

        text = refused(payer, quote_address(quote), None, 409)

        assert "Pay the open invoice first" in text

    def test_says_that_nothing_runs_any_more(
        self, payer: Client, org: Organization, running: Subscription
    ) -> None:
        quote = quote_for(payer)
        endings.cancel_subscription(
            organization=org, mode=Effective.NOW, cause=CAUSE, now=clock.now()
        )

        text = refused(payer, quote_address(quote), None, 404)

        assert "There is no running subscription to do this with any more." in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        stripe.add_fault(path="/v1/invoices/create_preview", status=429, times=10)

        text = refused(payer, quote_address(quote), None, 429)

        assert "Too many requests. Please try again later." in text
        stripe.clear_faults()
        send(payer, quote_address(quote), to=OVERVIEW)

    def test_is_no_way_to_do_what_is_only_a_look_ahead(
        self, payer: Client, running: Subscription
    ) -> None:
        payer.post(f"{OVERVIEW}/next-invoice")

        text = refused(payer, quote_address(Quote.objects.get()), None, 400)

        assert "Invalid request." in text
