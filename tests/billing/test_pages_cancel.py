"""Ending or pausing a subscription on our page: `/settings/billing/cancel`."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.enums import SubscriptionStatus
from billing.models import Price, Subscription
from billing.services import free_plan
from orgs import clock
from orgs.models import Organization, User
from tests.billing.page_steps import (
    CANCEL,
    OVERVIEW,
    change_card,
    fall_behind,
    folded,
    quote_address,
    quote_for,
    refused,
    send,
    show,
)
from tests.billing.subscribe_steps import CAUSE, start
from tests.factories_billing import SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

PAUSE = f"{OVERVIEW}/pause"
AT_END, AT_ONCE = {"mode": "period_end"}, {"mode": "now"}


class TestQuestion:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(CANCEL)["Location"] == f"/login?next={CANCEL}"

    def test_says_what_happens_and_what_is_lost(self, payer: Client, running: Subscription) -> None:
        text = show(payer, CANCEL)

        ends = f"{running.current_period_end:%-d %B %Y}"
        assert "Cancel Starter?" in text
        assert f">{ends}</time></strong>, unless you end it at once." in text
        assert "What is paid for this period is not paid back." in text
        assert "Acme no longer has: 5 agents," in text
        assert 'name="mode" value="period_end" checked' in text
        assert "It costs too much" in text

    def test_offers_a_pause(self, payer: Client, running: Subscription) -> None:
        text = show(payer, CANCEL)

        assert f'action="{PAUSE}"' in text
        assert "Pause Starter instead" in text

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ({"status": SubscriptionStatus.TRIALING}, "Your trial costs nothing"),
            ({"status": SubscriptionStatus.PAST_DUE}, "does not settle the invoice"),
            ({"cancel_at_period_end": True}, "Here you can end it at once."),
            ({"pending_change": {"kind": "awaiting_payment"}}, "still to come is withdrawn"),
        ],
    )
    def test_knows_where_the_subscription_stands(
        self,
        payer: Client,
        org: Organization,
        catalogue: dict[str, Price],
        state: dict[str, Any],
        words: str,
    ) -> None:
        SubscriptionFactory.create(organization=org, price=catalogue["starter:month"], **state)

        text = show(payer, CANCEL)

        assert words in text
        assert f'action="{PAUSE}"' not in text

    def test_is_readable_for_viewers(
        self, client: Client, bob: User, running: Subscription
    ) -> None:
        client.force_login(bob)

        text = show(client, CANCEL)

        assert "What happens" in text
        assert "To cancel, ask an owner, an admin or a billing member of Acme." in text
        assert "<fieldset" not in text
        assert f'action="{PAUSE}"' not in text

    def test_leads_back_when_nothing_runs(
        self, payer: Client, charlie: User, running: Subscription
    ) -> None:
        payer.force_login(charlie)

        text = folded(payer.get(CANCEL, follow=True).content)

        assert "There is no running subscription to cancel." in text
        assert payer.post(CANCEL, AT_END)["Location"] == OVERVIEW
        running.refresh_from_db()
        assert running.auto_renew is True


class TestCancel:
    def test_ends_it_with_the_period_and_the_overview_takes_it_back(
        self, payer: Client, running: Subscription
    ) -> None:
        form = {**AT_END, "reason": "too_expensive", "comment": "Twice the price."}

        text = send(payer, CANCEL, form, to=OVERVIEW)

        ends = f"{running.current_period_end:%-d %B %Y}"
        assert f"Starter ends on {ends}. Until then everything works as before." in text
        running.refresh_from_db()
        assert running.auto_renew is False
        assert (running.cancel_reason, running.cancel_comment) == (
            "too_expensive",
            "Twice the price.",
        )
        assert "Keep Starter" in text
        send(payer, f"{OVERVIEW}/resume", to=OVERVIEW)
        running.refresh_from_db()
        assert running.auto_renew is True

    def test_ends_it_at_once(self, payer: Client, running: Subscription) -> None:
        text = send(payer, CANCEL, AT_ONCE, to=OVERVIEW)

        assert "Starter has ended. Nothing is charged any more." in text
        assert "Choose a plan again" in text
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.CANCELED

    def test_ends_at_once_what_was_to_end_anyway(
        self, payer: Client, running: Subscription
    ) -> None:
        send(payer, CANCEL, AT_END)

        send(payer, CANCEL, AT_ONCE, to=OVERVIEW)

        running.refresh_from_db()
        assert running.status == SubscriptionStatus.CANCELED

    def test_ends_what_is_overdue(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        fall_behind(stripe, running)

        assert "Starter has ended." in send(payer, CANCEL, AT_ONCE, to=OVERVIEW)

    def test_gives_up_a_payment_that_was_not_finished(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        start(org, catalogue["starter:month"], "pm_card_threeDSecure2Required")
        text = show(payer, CANCEL)
        assert "Give up the payment for Starter?" in text
        assert 'type="hidden" name="mode" value="now"' in text

        text = send(payer, CANCEL, AT_ONCE, to=OVERVIEW)

        assert "The start of Starter was given up. Nothing was charged." in text
        assert Subscription.objects.get().is_final

    def test_ends_the_free_plan(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        free_plan.start_free_plan(
            organization=org, price=catalogue["free:month"], cause=CAUSE, now=clock.now()
        )
        assert "Acme loses access at once." in show(payer, CANCEL)

        assert "Free has ended." in send(payer, CANCEL, AT_ONCE, to=OVERVIEW)

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"mode": "never"},
            {**AT_END, "reason": "moving_to_mars"},
            {**AT_END, "comment": "x" * 1001},
        ],
    )
    def test_shows_what_is_wrong_in_place(
        self, payer: Client, running: Subscription, form: dict[str, str]
    ) -> None:
        response = payer.post(CANCEL, form)

        assert response.status_code == 200
        assert "Please check your input" in folded(response.content)
        running.refresh_from_db()
        assert running.auto_renew is True

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path=f"/v1/subscriptions/{running.external_id}", status=429, times=20)

        text = refused(payer, CANCEL, {**AT_END, "reason": "unused", "comment": "Hm."}, 429)

        assert "Too many requests. Please try again later." in text
        assert 'value="unused" checked' in text
        assert "Hm.</textarea>" in text
        running.refresh_from_db()
        assert running.auto_renew is True

    def test_says_that_a_payment_is_undecided(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(payer)
        stripe.add_fault(
            method="POST", path=f"/v1/subscriptions/{running.external_id}", action="reset_before"
        )
        send(payer, quote_address(quote))

        text = refused(payer, CANCEL, AT_END, 409)

        assert "An earlier payment is still being confirmed." in text

    def test_is_not_for_viewers(self, client: Client, bob: User, running: Subscription) -> None:
        client.force_login(bob)

        assert client.post(CANCEL, AT_ONCE).status_code == 403
        assert client.post(PAUSE, {"days": "30"}).status_code == 403
        running.refresh_from_db()
        assert running.status == SubscriptionStatus.ACTIVE

    @pytest.mark.parametrize("address", [CANCEL, PAUSE])
    def test_needs_a_csrf_token(self, alice: User, running: Subscription, address: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post(address, {**AT_ONCE, "days": "30"}).status_code == 403


class TestPause:
    @pytest.mark.parametrize("days", [30, 60, 90])
    def test_goes_on_by_itself(self, payer: Client, running: Subscription, days: int) -> None:
        text = send(payer, PAUSE, {"days": str(days)}, to=OVERVIEW)

        running.refresh_from_db()
        assert running.status == SubscriptionStatus.PAUSED
        assert running.resumes_at is not None
        late_by = running.resumes_at - timezone.now() - timedelta(days=days)
        assert abs(late_by) < timedelta(minutes=1)
        assert f"It goes on by itself on {running.resumes_at:%-d %B %Y}." in text
        assert "Resume Starter" in text

    def test_lasts_until_it_is_resumed(self, payer: Client, running: Subscription) -> None:
        text = send(payer, PAUSE, {"days": ""}, to=OVERVIEW)

        running.refresh_from_db()
        assert (running.status, running.resumes_at) == (SubscriptionStatus.PAUSED, None)
        assert "Starter is paused." in text

    def test_refuses_other_lengths(self, payer: Client, running: Subscription) -> None:
        text = refused(payer, PAUSE, {"days": "9999"}, 400)

        assert "Choose how long the pause is." in text
        assert "Cancel Starter?" in text

    def test_says_why_it_can_not_be_paused(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        change_card(stripe, running, "pm_card_visa")
        send(payer, CANCEL, AT_END)

        text = refused(payer, PAUSE, {"days": "30"}, 409)

        assert "Only an active subscription that goes on unchanged can be paused." in text

    def test_leads_back_when_nothing_runs(self, payer: Client, org: Organization) -> None:
        assert payer.post(PAUSE, {"days": "30"})["Location"] == OVERVIEW
