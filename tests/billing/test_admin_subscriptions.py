"""What staff may do to subscriptions, against the simulated Stripe."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from billing.models import BillingEvent, Price, Quote, Subscription
from orgs.models import Organization, User
from tests.billing.admin_steps import act, opened
from tests.billing.change_steps import change, quote_for, subscribed
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]
MODEL = "billing_subscription"


@pytest.fixture
def row(organization: Organization, catalogue: dict[str, Price]) -> Subscription:
    return subscribed(organization, catalogue["starter:month"])


class TestEnding:
    def test_asks_first(self, client: Client, staff: User, row: Subscription) -> None:
        response = act(client, MODEL, "end_now", row)

        assert "End these subscriptions now" in response.content.decode()
        row.refresh_from_db()
        assert row.status == "active"

    def test_ends_with_the_period_and_goes_on_after_all(
        self, client: Client, staff: User, row: Subscription
    ) -> None:
        act(client, MODEL, "end_with_period", row, confirmed="yes")

        row.refresh_from_db()
        assert (row.status, row.auto_renew) == ("active", False)
        line = BillingEvent.objects.get(type="billing.subscription.cancel_scheduled")
        assert line.cause["kind"] == "staff"
        assert line.cause["id"] == str(staff.pk)

        response = act(client, MODEL, "go_on", row)

        assert "1 subscription. Goes on after all." in response.content.decode()
        row.refresh_from_db()
        assert row.auto_renew
        assert LogEntry.objects.filter(object_id=str(row.pk)).count() == 2

    def test_ends_now(self, client: Client, staff: User, row: Subscription) -> None:
        act(client, MODEL, "end_now", row, confirmed="yes")

        row.refresh_from_db()
        assert row.status == "canceled"

    def test_says_why_it_was_refused(self, client: Client, staff: User, row: Subscription) -> None:
        response = act(client, MODEL, "go_on", row)

        page = response.content.decode()
        assert "There is nothing to resume" in page
        assert "0 subscriptions." in page
        assert LogEntry.objects.count() == 0

    def test_withdraws_what_is_pending(
        self, client: Client, staff: User, row: Subscription, organization: Organization
    ) -> None:
        change(organization, seats=5, effective="period_end")

        act(client, MODEL, "withdraw_change", row)

        row.refresh_from_db()
        assert row.pending_change is None


class TestLookAgain:
    def test_takes_over_what_the_provider_says(
        self, client: Client, staff: User, row: Subscription, stripe: StripeSimulator
    ) -> None:
        path = f"/v1/subscriptions/{row.external_id}"
        stripe.api("POST", path, {"cancel_at_period_end": "true"}).raise_for_status()

        act(client, MODEL, "look_again", row)

        row.refresh_from_db()
        assert not row.auto_renew

    def test_provider_down_is_said(
        self,
        client: Client,
        staff: User,
        row: Subscription,
        stripe: StripeSimulator,
        short_pauses: None,
    ) -> None:
        stripe.add_fault(method="GET", path="/subscriptions/", status=500, times=-1)

        response = act(client, MODEL, "look_again", row)

        assert "An error occurred with our payment provider" in response.content.decode()


class TestQuotes:
    def test_are_shown(
        self, client: Client, staff: User, row: Subscription, organization: Organization
    ) -> None:
        quote = quote_for(organization, seats=5)

        page, _ = opened(client, f"/admin/billing/quote/{quote.pk}/change/")

        assert "$" in page
        assert Quote.objects.get().used_at is None
