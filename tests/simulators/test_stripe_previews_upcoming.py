"""Previews of what comes anyway: the first invoice, the next and the last, and credit on them."""

from typing import Any

import pytest
import stripe

from tests.simulators.preview_steps import Shop, subscribe, told
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


@pytest.fixture
def shop(simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any) -> Shop:
    return Shop(simulator, v1, customer, price)


class TestBalance:
    def test_a_smaller_plan_at_once_becomes_credit(self, shop: Shop) -> None:
        changed = shop.change({"quantity": 1}, proration_behavior="always_invoice")

        billed = changed.latest_invoice
        (moved,) = shop.v1.customers.balance_transactions.list(shop.customer.id).data
        assert billed.total < 0
        assert (moved.amount, moved.ending_balance) == (billed.total, billed.total)
        assert (moved.type, moved.invoice) == ("applied_to_invoice", billed.id)
        assert shop.simulator.events("customer.updated")[-1]["data"]["object"]["balance"] < 0

    def test_credit_that_does_not_suffice_lowers_the_amount(self, shop: Shop) -> None:
        shop.v1.customers.balance_transactions.create(
            shop.customer.id, {"amount": -1000, "currency": "usd", "description": "sorry"}
        )
        preview = shop.v1.invoices.create_preview({"subscription": shop.id})

        shop.simulator.advance(21 * DAY)

        renewal = shop.v1.invoices.list(
            {"subscription": shop.id, "expand": ["data.payments"]}
        ).data[0]
        assert preview.amount_due == 4800
        assert (renewal.total, renewal.amount_due, renewal.amount_paid) == (5800, 4800, 4800)
        assert (renewal.starting_balance, renewal.ending_balance) == (-1000, 0)
        assert renewal.payments.data[0].amount_paid == 4800
        assert shop.v1.customers.retrieve(shop.customer.id).balance == 0

    def test_voiding_gives_the_credit_back(self, v1: Any, customer: Any, price: Any) -> None:
        v1.customers.update(customer.id, {"balance": -500})
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")
        assert v1.customers.retrieve(customer.id).balance == 0

        v1.invoices.void_invoice(made.latest_invoice)

        assert v1.customers.retrieve(customer.id).balance == -500
        moved = v1.customers.balance_transactions.list(customer.id).data
        assert [row.type for row in moved] == [
            "unapplied_from_invoice",
            "applied_to_invoice",
            "adjustment",
        ]


class TestANewSubscription:
    def test_is_previewed_as_it_would_begin(
        self, v1: Any, simulator: StripeSimulator, customer: Any, price: Any, card: Any
    ) -> None:
        wish = {"items": [{"price": price.id, "quantity": 4}]}
        preview = v1.invoices.create_preview(
            {"customer": customer.id, "subscription_details": wish}
        )

        made = subscribe(v1, customer, price, **wish, expand=["latest_invoice"])

        assert preview.total == made.latest_invoice.total == 4 * 2900
        assert told(preview)[0][:4] == told(made.latest_invoice)[0][:4]
        assert len(simulator.objects("subscription")) == 1

    def test_needs_no_customer(self, v1: Any, simulator: StripeSimulator, price: Any) -> None:
        wish = {"items": [{"price": price.id}]}

        assert v1.invoices.create_preview({"subscription_details": wish}).total == 2900
        assert simulator.objects("customer") == []

    def test_a_trial_is_free_and_what_recurs_is_not(
        self, v1: Any, simulator: StripeSimulator, customer: Any, price: Any
    ) -> None:
        wish = {
            "items": [{"price": price.id}],
            "trial_end": simulator.now() + 14 * DAY,
        }
        asked = {"customer": customer.id, "subscription_details": wish}

        assert v1.invoices.create_preview(asked).total == 0
        assert v1.invoices.create_preview({**asked, "preview_mode": "recurring"}).total == 2900


class TestNothingUpcoming:
    def test_is_said_of_what_is_going_to_end(self, shop: Shop) -> None:
        shop.v1.subscriptions.update(shop.id, {"cancel_at_period_end": True})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.invoices.create_preview({"subscription": shop.id})

        assert (refused.value.code, refused.value.http_status) == ("invoice_upcoming_none", 404)

    def test_what_waits_is_still_invoiced_at_the_end(self, shop: Shop) -> None:
        shop.change({"quantity": 3})
        waiting = sum(entry["amount"] for entry in shop.simulator.objects("invoiceitem"))
        how = {"subscription": shop.id, "subscription_details": {"cancel_at_period_end": True}}
        preview = shop.v1.invoices.create_preview(how)
        shop.v1.subscriptions.update(shop.id, {"cancel_at_period_end": True})

        shop.simulator.advance(21 * DAY)

        ended = shop.v1.subscriptions.retrieve(shop.id, {"expand": ["latest_invoice"]})
        assert ended.status == "canceled"
        assert preview.total == ended.latest_invoice.amount_paid == waiting

    def test_is_said_of_a_customer_without_subscriptions(self, v1: Any, customer: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.invoices.create_preview({"customer": customer.id})

        assert refused.value.code == "invoice_upcoming_none"


class TestEndingNow:
    def test_the_preview_credits_as_the_cancellation_does(self, shop: Shop) -> None:
        preview = shop.v1.invoices.create_preview(
            {"subscription": shop.id, "subscription_details": {"cancel_now": True}}
        )

        ended = shop.v1.subscriptions.cancel(
            shop.id, {"prorate": True, "invoice_now": True, "expand": ["latest_invoice"]}
        )

        assert ended.status == "canceled"
        assert preview.total == pytest.approx(ended.latest_invoice.total, abs=1)
        assert shop.v1.customers.retrieve(shop.customer.id).balance == ended.latest_invoice.total


class TestTheUpcomingEvent:
    def test_shows_what_the_renewal_then_is(self, shop: Shop) -> None:
        shop.change({"quantity": 3})

        shop.simulator.advance(20 * DAY)

        (event,) = shop.simulator.events("invoice.upcoming")
        renewal = shop.v1.invoices.list({"subscription": shop.id}).data[0]
        assert "id" not in event["data"]["object"]
        assert event["data"]["object"]["total"] == renewal.total
        assert event["data"]["object"]["billing_reason"] == "upcoming"
