"""Everything at Stripe, page by page."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from billing.drivers.base import ObjectMissing
from billing.drivers.stripe import listings, normalizer
from billing.enums import InvoiceStatus, SubscriptionStatus
from tests.billing import stripe_builders as build
from tests.billing.stripe_invoice_cases import charge_of, paid, refund, unpaid
from tests.billing.stripe_listing_cases import an_hour_ago
from tests.simulators.stripe.client import StripeSimulator


class TestListSubscriptions:
    def test_shows_those_that_ended_too(self, stripe: StripeSimulator) -> None:
        started = paid()
        build.driver().cancel_subscription(started.external_id, idempotency_key=build.new_key())

        page = build.driver().list_subscriptions(external_customer_id=started.external_customer_id)

        assert [(row.external_id, row.status) for row in page.rows] == [
            (started.external_id, SubscriptionStatus.CANCELED)
        ]
        assert page.next_after == ""

    def test_says_of_each_what_a_question_about_it_says(self, stripe: StripeSimulator) -> None:
        started = paid()

        (row,) = (
            build.driver()
            .list_subscriptions(external_customer_id=started.external_customer_id)
            .rows
        )

        asked = build.driver().retrieve_subscription(started.external_id)
        for name in ("our_id", "external_price_id", "seats", "current_period_end", "discounts"):
            assert getattr(row, name) == getattr(asked, name)
        assert row.latest_invoice is None
        assert row.latest_payment is None

    def test_goes_on_after_a_page(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listings, "_PER_PAGE", 2)
        customer = build.make_customer()
        ids = [
            build.driver()
            .create_subscription(
                build.subscription_spec(external_customer_id=customer),
                idempotency_key=build.new_key(),
            )
            .external_id
            for _ in range(3)
        ]

        first = build.driver().list_subscriptions(external_customer_id=customer)
        second = build.driver().list_subscriptions(
            after=first.next_after, external_customer_id=customer
        )

        assert [row.external_id for row in first.rows + second.rows] == ids[::-1]
        assert (first.next_after, second.next_after) == (ids[1], "")


class TestListPayers:
    def test_names_the_default_method_and_leaves_the_methods_out(
        self, stripe: StripeSimulator
    ) -> None:
        customer = build.make_customer()
        card = build.attach(customer)
        build.driver().set_default_payment_method(
            external_customer_id=customer, payment_method=card, idempotency_key=build.new_key()
        )

        row = build.driver().list_payers().rows[0]

        assert (row.external_id, row.default_method_id) == (customer, card)
        assert (row.methods, row.has_methods) == ((), False)
        assert build.driver().retrieve_payer(customer).has_methods is True


class TestListInvoices:
    def test_shows_what_was_made_since(self, stripe: StripeSimulator) -> None:
        started = unpaid()
        customer = started.external_customer_id

        page = build.driver().list_invoices(
            created_since=an_hour_ago(stripe), external_customer_id=customer
        )
        later = datetime.fromtimestamp(stripe.now(), UTC) + timedelta(hours=1)

        assert [(row.external_id, row.status) for row in page.rows] == [
            (started.latest_invoice_id, InvoiceStatus.OPEN)
        ]
        none = build.driver().list_invoices(created_since=later, external_customer_id=customer)
        assert none.rows == ()


class TestListRefunds:
    def test_names_charge_and_payer_of_each(self, stripe: StripeSimulator) -> None:
        started = paid()
        charge = charge_of(stripe, started)
        made = refund(stripe, charge, 500)

        row = build.driver().list_refunds(created_since=an_hour_ago(stripe)).rows[0]

        assert (row.external_id, row.external_customer_id) == (charge, started.external_customer_id)
        assert [(one.external_id, one.amount_minor) for one in row.refunds] == [(made["id"], 500)]


class TestListEvents:
    def test_says_what_each_is_about(self, stripe: StripeSimulator) -> None:
        started = paid()

        page = build.driver().list_events(created_since=an_hour_ago(stripe))

        subjects = {(row.type, row.subject.external_id) for row in page.rows if row.subject}
        assert ("billing.invoice.paid", started.external_id) in subjects

    def test_leaves_out_one_that_cannot_be_read(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paid()
        real = normalizer.normalize
        unreadable = stripe.events()[-1]["id"]

        def read(raw: dict[str, object]) -> object:
            if raw["id"] == unreadable:
                raise KeyError("period")
            return real(raw)

        monkeypatch.setattr(normalizer, "normalize", read)

        page = build.driver().list_events(created_since=an_hour_ago(stripe))

        assert len(page.rows) > 1
        assert unreadable not in {row.external_id for row in page.rows}


class TestRetrieveEvent:
    def test_is_what_the_webhook_would_have_brought(self, stripe: StripeSimulator) -> None:
        paid()
        event = stripe.events()[-1]

        found = build.driver().retrieve_event(event["id"])

        assert (found.external_id, found.type) == (event["id"], event["type"])
        assert json.loads(found.body) == event

    def test_of_none_is_missing(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_event("evt_none")
