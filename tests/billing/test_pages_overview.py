"""The overview of an organization's billing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from billing.enums import SubscriptionStatus
from billing.models import Customer, PaymentMethod, Price, Subscription
from orgs.models import Organization, User
from tests.billing.page_steps import OVERVIEW as ADDRESS
from tests.billing.page_steps import show
from tests.factories_billing import BillingEventFactory, SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def text_of(client: Client, who: User) -> str:
    client.force_login(who)
    return show(client, ADDRESS)


def a_card(customer: Customer, **fields: Any) -> PaymentMethod:
    return PaymentMethod.objects.create(
        organization=customer.organization,
        customer=customer,
        provider=customer.provider,
        external_id="pm_shown",
        kind="card",
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=2034,
        **fields,
    )


def test_leads_strangers_to_sign_in(client: Client) -> None:
    response = client.get(ADDRESS)

    assert response["Location"] == "/login?next=/settings/billing"


def test_asks_for_a_plan_first(client: Client, alice: User) -> None:
    text = text_of(client, alice)

    assert "No plan yet" in text
    assert "Choose a plan and pay to start using the service." in text
    assert 'href="/settings/billing/checkout"' in text
    assert "Nothing yet." in text


class TestWithASubscription:
    def make(self, org: Organization, price: Price, **fields: Any) -> Subscription:
        return SubscriptionFactory.create(
            organization=org,
            price=price,
            current_period_end=datetime(2026, 4, 1, tzinfo=UTC),
            **fields,
        )

    def test_shows_plan_price_seats_and_the_next_charge(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"], seats=3, billing_email="bills@acme.test")

        text = text_of(client, alice)

        for words in ("Starter is active.", "$87.00", "$29.00 a seat", "1 April 2026"):
            assert words in text
        assert "bills@acme.test" in text
        assert "Choose a plan" not in text

    def test_is_the_same_for_a_viewer(
        self, client: Client, bob: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"])

        text = text_of(client, bob)

        assert "Starter is active." in text
        assert "1 April 2026" in text

    def test_says_when_it_ends(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"], cancel_at_period_end=True)

        text = text_of(client, alice)

        assert "Starter is active and ends on 1 April 2026." in text
        assert "Next charge" not in text

    @pytest.mark.parametrize(
        ("status", "label"),
        [
            (SubscriptionStatus.PAST_DUE, "Payment overdue"),
            (SubscriptionStatus.UNPAID, "Restricted"),
            (SubscriptionStatus.PAUSED, "Paused"),
            (SubscriptionStatus.TRIALING, "Trial"),
            (SubscriptionStatus.CANCELED, "Ended"),
            (SubscriptionStatus.INCOMPLETE, "Payment not finished"),
        ],
    )
    def test_names_every_status(
        self,
        client: Client,
        alice: User,
        org: Organization,
        catalogue: dict[str, Price],
        status: SubscriptionStatus,
        label: str,
    ) -> None:
        self.make(org, catalogue["starter:month"], status=status)

        assert label in text_of(client, alice)

    def test_reckons_the_next_charge_with_what_a_coupon_takes_off(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        discount = {
            "coupon": "WELCOME",
            "name": None,
            "percent_off": "20",
            "amount_off": None,
            "currency": None,
            "ends_at": "2026-06-01T00:00:00Z",
        }
        self.make(org, catalogue["starter:month"], seats=2, discount=discount)

        text = text_of(client, alice)

        assert "WELCOME: 20 % off until 1 June 2026" in text
        assert '<span class="amount">$46.40</span> on <time' in text

    def test_does_not_take_off_what_has_ended_by_then(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        discount = {
            "coupon": "WELCOME",
            "name": None,
            "percent_off": "20",
            "amount_off": None,
            "currency": None,
            "ends_at": "2026-04-01T00:00:00Z",
        }
        self.make(org, catalogue["starter:month"], discount=discount)

        assert '<span class="amount">$29.00</span> on <time' in text_of(client, alice)

    def test_says_when_a_trial_ends(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        ends = datetime(2026, 4, 1, tzinfo=UTC)
        trial = SubscriptionStatus.TRIALING
        self.make(org, catalogue["starter:month"], status=trial, trial_end=ends)

        text = text_of(client, alice)

        assert "Trial ends" in text
        assert "Starter is in its trial until 1 April 2026." in text

    def test_shows_what_is_charged(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        row = self.make(org, catalogue["starter:month"])
        a_card(row.customer, is_default=True)

        text = text_of(client, alice)

        assert "Visa ending in 4242" in text
        assert "valid until 12/2034" in text

    def test_shows_what_the_plan_gives_and_what_of_it_is_used(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"])

        text = text_of(client, alice)

        assert "What your plan gives" in text
        assert '<meter class="gauge" aria-labelledby="use-users"' in text
        assert '<span class="amount">1</span> of <span class="amount">3</span> used' in text
        assert 'up to <span class="amount">10,000</span>' in text
        assert 'up to <span class="amount">1 GB</span>' in text

    def test_asks_no_provider(
        self,
        client: Client,
        alice: User,
        org: Organization,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
    ) -> None:
        row = self.make(org, catalogue["starter:month"], status=SubscriptionStatus.PAST_DUE)
        a_card(row.customer, is_default=True)
        since = stripe.calls_so_far()

        text_of(client, alice)

        assert stripe.requests()[since:] == []

    def test_does_not_show_another_organization(
        self, client: Client, charlie: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"])

        assert "No plan yet" in text_of(client, charlie)


class TestTimeline:
    def test_shows_the_newest_ten_lines_with_their_cause(
        self, client: Client, alice: User, org: Organization
    ) -> None:
        for number in range(1, 13):
            BillingEventFactory.create(
                organization=org, sequence=number, summary=f"Line number {number}."
            )

        text = text_of(client, alice)

        assert "Line number 3." in text
        assert "Line number 2." not in text
        assert text.index("Line number 12.") < text.index("Line number 11.")
        assert "reported by the payment provider" in text
        assert "evt_why" not in text

    def test_does_not_show_somebody_elses(
        self, client: Client, charlie: User, org: Organization
    ) -> None:
        BillingEventFactory.create(organization=org, summary="Only for Acme.")

        assert "Only for Acme." not in text_of(client, charlie)
