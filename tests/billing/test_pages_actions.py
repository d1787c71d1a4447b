"""The overview's buttons: keep it, resume it, withdraw it, pay it, see what comes next."""

import pytest
from django.test import Client

from billing.enums import Effective, SubscriptionStatus
from billing.models import Quote, Subscription
from billing.services import endings
from orgs import clock
from orgs.models import Organization, User
from tests.billing.page_steps import (
    OVERVIEW,
    PLAN,
    change_card,
    fall_behind,
    folded,
    refused,
    send,
)
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

ACTIONS = ["resume", "withdraw", "pay"]


def end_with_the_period(org: Organization) -> None:
    endings.cancel_subscription(
        organization=org, mode=Effective.PERIOD_END, cause=CAUSE, now=clock.now()
    )


@pytest.mark.parametrize("action", ACTIONS)
class TestEveryButton:
    def test_is_not_for_viewers(self, client: Client, bob: User, action: str) -> None:
        client.force_login(bob)

        response = client.post(f"{OVERVIEW}/{action}")

        assert response.status_code == 403
        assert "Ask an owner, an admin or a billing member" in folded(response.content)

    def test_needs_a_csrf_token(self, alice: User, action: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post(f"{OVERVIEW}/{action}").status_code == 403

    def test_leads_strangers_to_sign_in_and_back_to_the_overview(
        self, client: Client, action: str
    ) -> None:
        response = client.post(f"{OVERVIEW}/{action}")

        assert response["Location"] == f"/login?next={OVERVIEW}"

    def test_can_only_be_sent(self, payer: Client, action: str) -> None:
        assert payer.get(f"{OVERVIEW}/{action}").status_code == 405


class TestResume:
    def test_keeps_what_was_about_to_end(
        self, payer: Client, org: Organization, running: Subscription
    ) -> None:
        end_with_the_period(org)

        text = send(payer, f"{OVERVIEW}/resume", to=OVERVIEW)

        assert "Starter goes on." in text
        running.refresh_from_db()
        assert running.auto_renew is True

    def test_ends_a_pause(self, payer: Client, org: Organization, running: Subscription) -> None:
        endings.pause_subscription(organization=org, cause=CAUSE, now=clock.now())

        text = send(payer, f"{OVERVIEW}/resume", to=OVERVIEW)

        assert "Starter goes on." in text
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.ACTIVE

    def test_says_that_there_is_nothing_to_resume(
        self, payer: Client, running: Subscription
    ) -> None:
        text = refused(payer, f"{OVERVIEW}/resume", None, 409)

        assert "There is nothing to resume" in text

    def test_says_that_nothing_runs(self, payer: Client, org: Organization) -> None:
        text = refused(payer, f"{OVERVIEW}/resume", None, 404)

        assert "There is no running subscription to do this with any more." in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, org: Organization, running: Subscription, stripe: StripeSimulator
    ) -> None:
        end_with_the_period(org)
        stripe.add_fault(path=f"/v1/subscriptions/{running.external_id}", status=429, times=10)

        text = refused(payer, f"{OVERVIEW}/resume", None, 429)

        assert "Too many requests. Please try again later." in text
        assert "Keep Starter" in text


class TestWithdraw:
    def test_withdraws_what_is_scheduled(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        form = {"plan": "professional", "interval": "month", "seats": 1, "effective": "period_end"}
        quote = payer.post(PLAN, form)["Location"]
        send(payer, quote, to=OVERVIEW)
        running.refresh_from_db()
        assert running.pending_change is not None

        text = send(payer, f"{OVERVIEW}/withdraw", to=OVERVIEW)

        assert "The change was withdrawn. Starter stays as it is." in text
        running.refresh_from_db()
        assert running.pending_change is None

    def test_says_that_nothing_is_pending(self, payer: Client, running: Subscription) -> None:
        assert "No change is pending." in refused(payer, f"{OVERVIEW}/withdraw", None, 409)


class TestPay:
    def test_takes_what_is_overdue(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        fall_behind(stripe, running)
        change_card(stripe, running, "pm_card_visa")

        text = send(payer, f"{OVERVIEW}/pay", to=OVERVIEW)

        assert "Thank you. Starter is paid." in text
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.ACTIVE

    def test_says_that_the_card_was_declined(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        fall_behind(stripe, running)

        text = refused(payer, f"{OVERVIEW}/pay", None, 402)

        assert "Your card was declined. Please try another payment method." in text
        assert "Update card" in text

    def test_says_that_nothing_is_overdue(self, payer: Client, running: Subscription) -> None:
        assert "Nothing is overdue." in send(payer, f"{OVERVIEW}/pay", to=OVERVIEW)


class TestNextInvoice:
    def test_shows_what_the_provider_reckons_also_to_viewers(
        self, client: Client, bob: User, running: Subscription
    ) -> None:
        client.force_login(bob)

        text = send(client, f"{OVERVIEW}/next-invoice")

        assert "Your next invoice" in text
        assert "$29.00" in text
        assert '<form method="post" action="/settings/billing/plan' not in text
        assert Quote.objects.get().kind == "renewal"

    def test_says_that_nothing_runs(self, payer: Client, org: Organization) -> None:
        refused(payer, f"{OVERVIEW}/next-invoice", None, 400)

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/invoices/create_preview", status=429, times=10)

        text = refused(payer, f"{OVERVIEW}/next-invoice", None, 429)

        assert "Too many requests. Please try again later." in text
