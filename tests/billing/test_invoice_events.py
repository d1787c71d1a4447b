"""From Stripe's events to rows of invoices, over the simulator."""

import pytest

from billing.enums import InboxState
from billing.models import InboxEvent, Invoice, PaymentFact, Subscription
from billing.services import inbox
from tests.billing.dispatch_steps import drain, store
from tests.billing.invoice_event_steps import Shop, asked_for, manual_invoice
from tests.billing.stripe_invoice_cases import sent
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestInvoicesOfASubscription:
    def test_the_request_that_started_it_brings_the_first(self, shop: Shop) -> None:
        invoice = shop.invoice

        assert (invoice.status, invoice.total_minor, invoice.number[-5:]) == ("paid", 2900, "-0001")
        assert invoice.subscription == shop.subscription
        assert invoice.organization == shop.organization
        assert [line.amount_minor for line in invoice.lines.all()] == [2900]
        assert shop.lines("billing.invoice.finalized", "billing.invoice.paid") == [
            ("billing.invoice.finalized", f"Invoice {invoice} over $29.00 was issued."),
            ("billing.invoice.paid", f"Invoice {invoice} over $29.00 was paid."),
        ]

    def test_its_events_ask_for_no_invoice_besides(
        self, shop: Shop, stripe: StripeSimulator
    ) -> None:
        mine = [
            event
            for event in stripe.events(about=shop.customer)
            if event["type"].startswith("invoice.")
            and event["data"]["object"]["customer"] == shop.customer
        ]
        since = stripe.calls_so_far()

        assert shop.deliver(*mine) == len(mine) > 3

        assert asked_for(stripe, since, "invoices") == []
        assert Invoice.objects.count() == 1
        assert len(shop.lines("billing.invoice.paid")) == 1

    def test_an_older_invoice_is_asked_for_once_a_batch(
        self, shop: Shop, stripe: StripeSimulator
    ) -> None:
        old = shop.invoice
        sent(
            stripe,
            f"/v1/subscriptions/{shop.subscription.external_id}",
            {
                "items[0][id]": _item(stripe, shop.subscription),
                "items[0][quantity]": 2,
                "proration_behavior": "always_invoice",
            },
        )
        events = [
            {"id": "evt_a", "type": "invoice.updated", "object": old.external_id},
            {"id": "evt_b", "type": "invoice.paid", "object": old.external_id},
        ]
        shop.deliver(*shop.news())
        newest = Subscription.objects.get().latest_invoice_external_id
        assert newest != old.external_id
        since = stripe.calls_so_far()
        for event in events:
            raw = stripe.api("GET", f"/v1/invoices/{old.external_id}").json()
            store(event["id"], event["type"], raw)
        since = stripe.calls_so_far()

        assert drain() == 2

        assert asked_for(stripe, since, "invoices/") == [f"/v1/invoices/{old.external_id}"]
        assert set(Invoice.objects.values_list("external_id", flat=True)) == {
            old.external_id,
            newest,
        }

    def test_an_event_before_its_subscriptions_waits_for_it(self, shop: Shop) -> None:
        paid = next(
            event
            for event in shop.stripe.events("invoice.paid")
            if event["data"]["object"]["customer"] == shop.customer
        )
        Subscription.objects.update(external_id="")
        our_id = shop.subscription.customer.external_id
        shop.subscription.customer.external_id = "cus_not_yet"
        shop.subscription.customer.save()

        assert shop.deliver(paid) == 0
        row = InboxEvent.objects.get(external_id=paid["id"])
        assert (row.state, row.error.split(":")[0]) == (InboxState.FAILED, "UnknownSubscription")

        shop.subscription.customer.external_id = our_id
        shop.subscription.customer.save()
        inbox.replay_events([row.pk])
        assert drain() == 1


class TestInvoicesOfNoSubscription:
    def test_is_kept_with_its_payer(self, shop: Shop) -> None:
        raw = manual_invoice(shop)

        shop.deliver(*shop.news())

        row = Invoice.objects.get(external_id=raw["id"])
        assert (row.status, row.total_minor, row.subscription) == ("paid", 1500, None)
        assert row.customer == shop.subscription.customer
        assert row.organization == shop.organization
        assert [line.description for line in row.lines.all()] == ["Set-up"]
        fact = PaymentFact.objects.get(external_id=raw["id"])
        assert (fact.organization, fact.subscription) == (shop.organization, None)

    def test_of_a_payer_who_is_not_ours_yet_is_tried_again(self, shop: Shop) -> None:
        stranger = sent(shop.stripe, "/v1/customers", {"email": "x@y.test"})
        draft = sent(shop.stripe, "/v1/invoices", {"customer": stranger["id"], "currency": "usd"})

        created = [event for event in shop.news() if event["type"] == "invoice.created"]

        assert shop.deliver(*created) == 0
        row = InboxEvent.objects.get()
        assert (row.state, row.error) == (InboxState.FAILED, f"UnknownCustomer: {stranger['id']}")
        assert not Invoice.objects.filter(external_id=draft["id"]).exists()

    def test_a_deleted_draft_is_forgotten(self, shop: Shop) -> None:
        draft = sent(shop.stripe, "/v1/invoices", {"customer": shop.customer, "currency": "usd"})
        shop.deliver(*shop.news())
        assert Invoice.objects.filter(external_id=draft["id"]).exists()

        shop.stripe.api("DELETE", f"/v1/invoices/{draft['id']}")
        shop.deliver(*shop.news())

        assert not Invoice.objects.filter(external_id=draft["id"]).exists()
        assert not InboxEvent.objects.exclude(state=InboxState.DONE).exists()


def _item(stripe: StripeSimulator, subscription: Subscription) -> str:
    raw = stripe.api("GET", f"/v1/subscriptions/{subscription.external_id}").json()
    return str(raw["items"]["data"][0]["id"])
