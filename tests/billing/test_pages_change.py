"""Choosing what a running subscription shall be: `/settings/billing/plan`."""

from typing import Any

import pytest
from django.test import Client

from billing.enums import Effective, SubscriptionStatus
from billing.models import Price, Quote, Subscription
from billing.services import endings
from orgs import clock
from orgs.models import Organization, Role, User
from tests.billing.coupon_steps import make_coupon
from tests.billing.page_steps import OVERVIEW, PLAN, folded, refused, run, send, show
from tests.billing.subscribe_steps import CAUSE
from tests.factories import MembershipFactory
from tests.factories_billing import SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

FORM = {"plan": "professional", "interval": "month", "seats": "2", "effective": "now"}


def invalid(client: Client, form: dict[str, Any], status: int = 200) -> str:
    response = client.post(PLAN, form)
    assert response.status_code == status, folded(response.content)
    text = folded(response.content)
    assert "Please check your input" in text
    return text


class TestForm:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(PLAN)["Location"] == f"/login?next={PLAN}"

    def test_leads_to_the_checkout_while_nothing_runs(
        self, payer: Client, catalogue: dict[str, Price]
    ) -> None:
        assert payer.get(PLAN)["Location"] == f"{OVERVIEW}/checkout"
        assert payer.post(PLAN, FORM)["Location"] == f"{OVERVIEW}/checkout"

    def test_begins_with_what_there_is(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        run(org, catalogue["starter:year"], seats=3)

        text = show(payer, PLAN)

        assert 'id="interval-year" value="year" checked' in text
        assert 'name="plan" value="" checked aria-describedby="about-1"> Starter' in text
        assert 'name="seats" value="3"' in text
        assert 'name="effective" value="now" checked' in text

    @pytest.mark.parametrize(
        ("query", "plan", "interval"),
        [
            ("plan=professional&interval=year", "professional", "year"),
            ("plan=professional", "professional", "month"),
            ("plan=starter&interval=year", "", "year"),
            ("plan=platinum&interval=week", "", "month"),
            ("plan=%00", "", "month"),
        ],
    )
    def test_begins_with_what_a_link_proposes(
        self, payer: Client, running: Subscription, query: str, plan: str, interval: str
    ) -> None:
        text = show(payer, f"{PLAN}?{query}")

        assert f'name="plan" value="{plan}" checked' in text
        assert f'id="interval-{interval}" value="{interval}" checked' in text

    def test_offers_what_can_be_bought_and_names_whom_to_ask_for_the_rest(
        self, payer: Client, running: Subscription
    ) -> None:
        text = show(payer, PLAN)

        assert 'name="plan" value="professional"' in text
        assert 'name="plan" value="free"' not in text
        assert 'name="plan" value="enterprise"' not in text
        assert "subject=Enterprise%20plan" in text
        assert 'href="/settings/billing/cancel"' in text

    def test_asks_no_provider(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        since = stripe.calls_so_far()

        show(payer, PLAN)

        assert stripe.requests()[since:] == []

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ({"status": SubscriptionStatus.PAST_DUE}, "A payment is overdue"),
            ({"status": SubscriptionStatus.UNPAID}, "A payment is overdue"),
            ({"status": SubscriptionStatus.PAUSED}, "Starter is paused"),
            ({"cancel_at_period_end": True}, "Starter ends soon"),
            ({"pending_change": {"kind": "awaiting_payment"}}, "A change is pending"),
        ],
    )
    def test_says_what_has_to_be_dealt_with_first(
        self,
        payer: Client,
        org: Organization,
        catalogue: dict[str, Price],
        state: dict[str, Any],
        words: str,
    ) -> None:
        SubscriptionFactory.create(organization=org, price=catalogue["starter:month"], **state)

        text = show(payer, PLAN)

        assert words in text
        assert "See the price" not in text


class TestAsking:
    def test_leads_to_the_price_and_changes_nothing(
        self, payer: Client, running: Subscription
    ) -> None:
        text = send(payer, PLAN, FORM)

        quote = Quote.objects.get()
        assert (quote.price.plan_version.plan.code, quote.seats) == ("professional", 2)
        assert quote.effective == Effective.NOW
        assert "Change to Professional" in text
        running.refresh_from_db()
        assert (running.price.plan_version.plan.code, running.seats) == ("starter", 1)

    def test_keeps_the_plan_that_runs_when_none_is_chosen(
        self, payer: Client, running: Subscription
    ) -> None:
        send(payer, PLAN, {**FORM, "plan": "", "seats": "4"})

        quote = Quote.objects.get()
        assert (quote.price_id, quote.seats) == (running.price_id, 4)

    def test_is_free_to_viewers_who_may_not_buy(
        self, client: Client, bob: User, running: Subscription
    ) -> None:
        client.force_login(bob)
        assert "ask an owner, an admin or a billing member" in show(client, PLAN)

        text = send(client, PLAN, FORM)

        assert "To do this, ask an owner, an admin or a billing member of Acme." in text
        assert 'button--primary">' not in text

    def test_takes_a_coupon(self, payer: Client, running: Subscription) -> None:
        coupon = make_coupon()

        now = send(payer, PLAN, {**FORM, "coupon": coupon.code})
        later = send(payer, PLAN, {**FORM, "coupon": coupon.code, "effective": "period_end"})

        assert f"The coupon {coupon.code} is taken off in the lines above." in now
        assert f"Discount ({coupon.code})" in later

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"seats": "0"}, 200, "Ensure this value is greater than or equal to 1."),
            ({"seats": "many"}, 200, "Enter a whole number."),
            ({"seats": ""}, 200, "This field is required."),
            ({"seats": "100001"}, 200, "less than or equal to 100000"),
            ({"interval": "week"}, 200, "Select a valid choice."),
            ({"effective": "never"}, 200, "Select a valid choice."),
            ({"plan": "p" * 101}, 200, "at most 100 characters"),
            ({"plan": "platinum"}, 400, "There is no such plan."),
            ({"coupon": "NOSUCHCODE"}, 400, "Coupon code:"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field(
        self,
        payer: Client,
        running: Subscription,
        changes: dict[str, str],
        status: int,
        words: str,
    ) -> None:
        assert words in invalid(payer, {**FORM, **changes}, status)
        assert not Quote.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"plan": "", "seats": "1"}, 400, "Choose something that differs"),
            ({"plan": "enterprise"}, 400, "priced individually"),
            ({"plan": "free"}, 409, "cancel the subscription"),
        ],
    )
    def test_says_why_there_is_no_price(
        self,
        payer: Client,
        running: Subscription,
        changes: dict[str, str],
        status: int,
        words: str,
    ) -> None:
        assert words in refused(payer, PLAN, {**FORM, **changes}, status)
        assert not Quote.objects.exists()

    def test_lists_what_has_to_be_reduced_first(
        self, payer: Client, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        run(org, catalogue["professional:month"], seats=8)
        for _ in range(6):
            MembershipFactory.create(organization=org, role=Role.VIEWER)

        text = refused(payer, PLAN, {**FORM, "plan": "starter"}, 409)

        assert "You use more than this plan allows." in text
        assert "Users: In use: 7; the plan allows 3." in text
        assert "Seats: 7 people are members" in text

    def test_says_that_the_provider_does_not_answer(
        self, payer: Client, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/invoices/create_preview", status=429, times=10)

        text = refused(payer, PLAN, FORM, 429)

        assert "Too many requests. Please try again later." in text
        assert 'name="plan" value="professional" checked' in text

    def test_needs_a_csrf_token(self, alice: User, running: Subscription) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post(PLAN, FORM).status_code == 403

    def test_refuses_while_it_ends(
        self, payer: Client, org: Organization, running: Subscription
    ) -> None:
        endings.cancel_subscription(
            organization=org, mode=Effective.PERIOD_END, cause=CAUSE, now=clock.now()
        )

        text = refused(payer, PLAN, FORM, 409)

        assert "Resume it before changing it." in text
