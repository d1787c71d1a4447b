"""What the overview offers to do, depending on where the subscription stands."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from billing.enums import SubscriptionStatus
from billing.models import Customer, PaymentMethod, Price, Subscription
from orgs.models import Organization, User
from tests.billing.page_steps import OVERVIEW as ADDRESS
from tests.billing.page_steps import show
from tests.factories_billing import SubscriptionFactory

pytestmark = pytest.mark.django_db

PENDING = {
    "kind": "scheduled",
    "plan": {"slug": "professional", "name": "Professional", "version": 1},
    "price_id": "none",
    "interval": "month",
    "currency": "USD",
    "amount": 9900,
    "seats": 2,
    "effective_at": "2026-04-01T00:00:00Z",
}


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


class TestOffers:
    def make(self, org: Organization, price: Price, **fields: Any) -> Subscription:
        return SubscriptionFactory.create(
            organization=org,
            price=price,
            current_period_end=datetime(2026, 4, 1, tzinfo=UTC),
            **fields,
        )

    def test_shows_a_change_to_come_and_how_to_withdraw_it(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"], pending_change=PENDING)

        text = text_of(client, alice)

        assert "Professional, 2 seats, $198.00 a month." in text
        assert '<span class="amount">$198.00</span> on <time' in text
        assert 'action="/settings/billing/withdraw"' in text

    def test_offers_to_keep_what_ends(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"], cancel_at_period_end=True)

        text = text_of(client, alice)

        assert "Keep Starter" in text
        assert "End it now instead" in text

    def test_offers_to_resume_what_is_paused(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        resumes_at = datetime(2026, 5, 1, tzinfo=UTC)
        paused = SubscriptionStatus.PAUSED
        self.make(org, catalogue["starter:month"], status=paused, resumes_at=resumes_at)

        text = text_of(client, alice)

        assert "Resume Starter" in text
        assert "1 May 2026" in text
        assert "Next charge" not in text

    def test_offers_to_pay_what_is_overdue_or_to_give_another_card(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        row = self.make(org, catalogue["starter:month"], status=SubscriptionStatus.PAST_DUE)
        a_card(row.customer, is_default=True)

        text = text_of(client, alice)

        assert "A payment is overdue" in text
        assert "Pay it now with Visa ending in 4242" in text
        assert 'action="/settings/billing/pay"' in text
        assert 'href="/settings/billing/payment-methods/new">Update card' in text

    def test_without_a_card_only_asks_for_one(
        self, client: Client, alice: User, org: Organization, catalogue: dict[str, Price]
    ) -> None:
        self.make(org, catalogue["starter:month"], status=SubscriptionStatus.UNPAID)

        text = text_of(client, alice)

        assert "Give a card: it is charged at once." in text
        assert 'action="/settings/billing/pay"' not in text

    @pytest.mark.parametrize(
        "state",
        [
            {"cancel_at_period_end": True},
            {"status": SubscriptionStatus.PAUSED},
            {"status": SubscriptionStatus.PAST_DUE},
            {"pending_change": PENDING},
        ],
    )
    def test_gives_a_viewer_no_buttons_but_says_whom_to_ask(
        self,
        client: Client,
        bob: User,
        org: Organization,
        catalogue: dict[str, Price],
        state: dict[str, Any],
    ) -> None:
        row = self.make(org, catalogue["starter:month"], **state)
        a_card(row.customer, is_default=True)

        text = text_of(client, bob)

        for action in ("resume", "withdraw", "pay"):
            assert f'action="/settings/billing/{action}"' not in text
        assert 'href="/settings/billing/cancel"' not in text
        assert "ask an owner, an admin or a billing member of Acme" in text
