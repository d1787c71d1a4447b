"""Lists: every provider that says what it has says of each what it says when asked for it."""

from datetime import UTC, datetime

import pytest

from billing.drivers.base import ObjectMissing
from billing.enums import SubscriptionStatus
from tests.contract.driver_steps import able, start
from tests.contract.sandboxes import Sandbox, new_key

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
COMPARED = (
    "external_id",
    "external_customer_id",
    "status",
    "our_id",
    "external_price_id",
    "seats",
    "current_period_start",
    "current_period_end",
    "cancel_at_period_end",
    "discounts",
    "default_method_id",
)


@pytest.fixture
def listing(subscribing: Sandbox) -> Sandbox:
    """A provider that can say everything it has."""
    return able(subscribing, "listing")


class TestListing:
    def test_a_subscription_is_listed_as_it_is_asked_for(self, listing: Sandbox) -> None:
        started = start(listing, listing.good_card)

        page = listing.driver.list_subscriptions(external_customer_id=started.external_customer_id)

        (row,) = page.rows
        asked = listing.driver.retrieve_subscription(started.external_id)
        assert {name: getattr(row, name) for name in COMPARED} == {
            name: getattr(asked, name) for name in COMPARED
        }
        assert page.next_after == ""

    def test_one_that_ended_is_listed_too(self, listing: Sandbox) -> None:
        started = start(listing, listing.good_card)
        listing.driver.cancel_subscription(started.external_id, idempotency_key=new_key())

        page = listing.driver.list_subscriptions(external_customer_id=started.external_customer_id)

        assert [row.status for row in page.rows] == [SubscriptionStatus.CANCELED]

    def test_the_newest_come_first(self, listing: Sandbox) -> None:
        ids = [start(listing, listing.good_card).external_id for _ in range(2)]

        rows = listing.driver.list_subscriptions().rows

        assert [row.external_id for row in rows[:2]] == ids[::-1]

    def test_a_payer_is_listed_without_methods(self, listing: Sandbox) -> None:
        payer = listing.new_payer()

        row = listing.driver.list_payers().rows[0]

        asked = listing.driver.retrieve_payer(payer)
        assert (row.external_id, row.our_id, row.email) == (payer, asked.our_id, asked.email)
        assert (row.has_methods, asked.has_methods) == (False, True)

    def test_an_invoice_is_listed(self, listing: Sandbox) -> None:
        started = start(listing, listing.good_card)

        page = listing.driver.list_invoices(
            created_since=LONG_AGO, external_customer_id=started.external_customer_id
        )

        (row,) = page.rows
        asked = listing.driver.retrieve_invoice(started.latest_invoice_id)
        assert (row.external_id, row.status, row.total_minor, row.amount_paid_minor) == (
            asked.external_id,
            asked.status,
            asked.total_minor,
            asked.amount_paid_minor,
        )

    def test_what_happened_is_told_with_what_it_is_about(self, listing: Sandbox) -> None:
        started = start(listing, listing.good_card)

        rows = listing.driver.list_events(created_since=LONG_AGO).rows

        assert started.external_id in {row.subject.external_id for row in rows if row.subject}
        times = [row.occurred_at for row in rows]
        assert times == sorted(times, reverse=True)

    def test_no_event_is_missing(self, listing: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            listing.driver.retrieve_event("evt_none")
