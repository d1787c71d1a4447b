"""The overview of an organization's billing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from billing.enums import SubscriptionStatus
from billing.models import Price
from orgs.models import Organization, User
from tests.factories_billing import BillingEventFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db

ADDRESS = "/settings/billing"


def text_of(client: Client, who: User) -> str:
    client.force_login(who)
    response = client.get(ADDRESS)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    return response.content.decode()


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
    def make(self, org: Organization, price: Price, **fields: Any) -> None:
        SubscriptionFactory.create(
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
