"""From Stripe's events to rows of invoices and of money on its way back, over the simulator."""

import json
from typing import Any

import pytest

from billing.enums import InboxState, Provider
from billing.models import (
    BillingEvent,
    Case,
    CreditNote,
    Dispute,
    InboxEvent,
    Invoice,
    PaymentFact,
    Price,
    Refund,
    Subscription,
)
from billing.services import inbox, subscribe
from billing.types import Cause, VerifiedWebhook
from orgs import clock
from tests.billing.builders import make_organization
from tests.billing.dispatch_steps import drain, store
from tests.billing.stripe_invoice_cases import credit, refund, sent
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class Shop:
    """A tenant that has paid its first invoice, and the events since then."""

    def __init__(self, stripe: StripeSimulator, price: Price) -> None:
        self.stripe = stripe
        self.subscription = subscribe.start_subscription(
            organization=make_organization(),
            request=subscribe.StartRequest(price=price, payment_method="pm_card_visa"),
            cause=Cause("request"),
            now=clock.now(),
        ).subscription
        self.organization = self.subscription.organization
        self.customer: str = self.subscription.customer.external_id
        self.seen = len(stripe.events())

    @property
    def invoice(self) -> Invoice:
        return Invoice.objects.get(external_id=self.subscription.latest_invoice_external_id)

    @property
    def charge(self) -> str:
        charges = [row for row in self.stripe.objects("charge") if row["customer"] == self.customer]
        return str(charges[-1]["id"])

    def news(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        found = self.stripe.events()[self.seen :]
        self.seen += len(found)
        return found

    def deliver(self, *events: dict[str, Any]) -> int:
        """Store events and handle them; return how many were handled."""
        for event in events:
            inbox.receive_event(
                provider=Provider.STRIPE,
                account=None,
                webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
                trace_id="",
            )
        return drain()

    def lines(self, *types: str) -> list[tuple[str, str]]:
        rows = BillingEvent.objects.filter(organization=self.organization, type__in=types)
        return list(rows.order_by("sequence").values_list("type", "summary"))


@pytest.fixture
def shop(stripe: StripeSimulator, catalogue: dict[str, Price]) -> Shop:
    return Shop(stripe, catalogue["starter:month"])


def asked_for(stripe: StripeSimulator, since: int, kind: str) -> list[str]:
    return [entry["path"] for entry in stripe.requests(since) if f"/v1/{kind}" in entry["path"]]


def manual_invoice(shop: Shop, amount: int = 1500) -> dict[str, Any]:
    """An invoice over a set-up fee, for no subscription, charged at once."""
    draft = sent(shop.stripe, "/v1/invoices", {"customer": shop.customer, "currency": "usd"})
    item = {"customer": shop.customer, "invoice": draft["id"], "amount": amount, "currency": "usd"}
    sent(shop.stripe, "/v1/invoiceitems", {**item, "description": "Set-up"})
    sent(shop.stripe, f"/v1/invoices/{draft['id']}/finalize")
    cards = [
        row for row in shop.stripe.objects("payment_method") if row["customer"] == shop.customer
    ]
    path = f"/v1/invoices/{draft['id']}/pay"
    return sent(shop.stripe, path, {"payment_method": cards[-1]["id"]})


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
            for event in stripe.events()
            if event["type"].startswith("invoice.")
            and event["data"]["object"]["customer"] == shop.customer
        ]
        since = stripe.requests()[-1]["seq"]

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
        since = stripe.requests()[-1]["seq"]
        for event in events:
            raw = stripe.api("GET", f"/v1/invoices/{old.external_id}").json()
            store(event["id"], event["type"], raw)
        since = stripe.requests()[-1]["seq"]

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


class TestRefunds:
    def test_become_rows_of_the_invoice_they_are_for(self, shop: Shop) -> None:
        first, second = refund(shop.stripe, shop.charge, 500), refund(shop.stripe, shop.charge, 700)

        shop.deliver(*shop.news())

        rows = Refund.objects.order_by("amount_minor").values_list(
            "external_id", "amount_minor", "currency", "status", "invoice", "external_charge_id"
        )
        invoice = shop.invoice
        assert list(rows) == [
            (first["id"], 500, "USD", "succeeded", invoice.pk, shop.charge),
            (second["id"], 700, "USD", "succeeded", invoice.pk, shop.charge),
        ]
        assert invoice.refunded_minor == 1200
        assert shop.lines("billing.payment.refunded") == [
            ("billing.payment.refunded", "A payment of $5.00 was refunded."),
            ("billing.payment.refunded", "A payment of $7.00 was refunded."),
        ]

    def test_are_asked_for_once_for_all_their_events(
        self, shop: Shop, stripe: StripeSimulator
    ) -> None:
        refund(stripe, shop.charge, 500)
        refund(stripe, shop.charge, 700)
        charge, events = shop.charge, shop.news()
        since = stripe.requests()[-1]["seq"]

        shop.deliver(*events)

        assert asked_for(stripe, since, "charges") == [f"/v1/charges/{charge}"]

    def test_are_linked_when_their_invoice_comes_later(self, shop: Shop) -> None:
        raw = manual_invoice(shop)
        before = shop.news()
        refund(shop.stripe, shop.charge, 300)

        shop.deliver(*shop.news())
        assert Refund.objects.get().invoice is None
        shop.deliver(*before)

        row = Invoice.objects.get(external_id=raw["id"])
        assert Refund.objects.get().invoice == row
        assert row.refunded_minor == 300

    def test_of_a_stranger_are_tried_again(self, shop: Shop) -> None:
        refund(shop.stripe, shop.charge, 500)
        events = [event for event in shop.news() if event["type"] == "charge.refunded"]
        shop.subscription.customer.external_id = "cus_another"
        shop.subscription.customer.save()

        assert shop.deliver(*events) == 0

        assert InboxEvent.objects.get().error == f"UnknownCustomer: {shop.customer}"
        assert not Refund.objects.exists()


class TestCreditNotes:
    def test_become_rows_and_lines(self, shop: Shop) -> None:
        invoice = shop.invoice
        note = credit(
            shop.stripe, invoice.external_id, 500, credit_amount=500, reason="order_change"
        )

        shop.deliver(*shop.news())

        row = CreditNote.objects.get()
        assert (row.external_id, row.number, row.status) == (note["id"], note["number"], "issued")
        assert (row.amount_minor, row.currency, row.reason) == (500, "USD", "order_change")
        assert row.invoice == invoice
        assert shop.invoice.credited_minor == 500
        assert shop.lines("billing.invoice.credited") == [
            ("billing.invoice.credited", f"$5.00 of invoice {invoice} was credited.")
        ]

    def test_a_voided_one_is_told_as_well(self, shop: Shop) -> None:
        raw = sent(shop.stripe, "/v1/invoices", {"customer": shop.customer, "currency": "usd"})
        item = {"customer": shop.customer, "invoice": raw["id"], "amount": 900, "currency": "usd"}
        sent(shop.stripe, "/v1/invoiceitems", item)
        sent(shop.stripe, f"/v1/invoices/{raw['id']}/finalize")
        note = credit(shop.stripe, raw["id"], 400)
        sent(shop.stripe, f"/v1/credit_notes/{note['id']}/void")

        shop.deliver(*shop.news())

        row = CreditNote.objects.get()
        assert (row.status, row.voided_at is not None) == ("void", True)
        invoice = Invoice.objects.get(external_id=raw["id"])
        assert shop.lines("billing.invoice.credited", "billing.invoice.credit_voided") == [
            ("billing.invoice.credited", f"$4.00 of invoice {invoice} was credited."),
            (
                "billing.invoice.credit_voided",
                f"The credit of $4.00 on invoice {invoice} was taken back.",
            ),
        ]

    def test_one_for_an_invoice_we_never_saw_brings_it_along(self, shop: Shop) -> None:
        raw = manual_invoice(shop)
        shop.news()
        credit(shop.stripe, raw["id"], 500, credit_amount=500)
        created = [event for event in shop.news() if event["type"] == "credit_note.created"]

        assert shop.deliver(*created) == 1

        assert CreditNote.objects.get().invoice.external_id == raw["id"]


class TestDisputes:
    def test_are_recorded_and_open_a_case(self, shop: Shop) -> None:
        raw = shop.stripe.dispute(shop.charge)

        shop.deliver(*shop.news())

        row = Dispute.objects.get()
        assert (row.external_id, row.status, row.reason) == (
            raw["id"],
            "needs_response",
            "fraudulent",
        )
        assert (row.amount_minor, row.currency, row.invoice) == (2900, "USD", shop.invoice)
        assert row.evidence_due_at is not None
        case = Case.objects.get()
        due = f"{row.evidence_due_at:%-d %B %Y}"
        assert (case.kind, case.external_id, case.state) == ("dispute", raw["id"], "open")
        assert case.organization == shop.organization
        assert case.summary == (
            f"A payment of $29.00 is disputed (fraudulent): answer at stripe by {due}, "
            "or accept it."
        )
        assert shop.lines("billing.payment.disputed") == [
            ("billing.payment.disputed", "A payment of $29.00 was disputed.")
        ]

    @pytest.mark.parametrize(
        ("outcome", "words"),
        [
            ("won", "The dispute over $29.00 was decided in our favour."),
            ("lost", "The dispute over $29.00 was decided for the card holder."),
        ],
    )
    def test_tell_how_they_were_decided(self, shop: Shop, outcome: str, words: str) -> None:
        raw = shop.stripe.dispute(shop.charge)
        shop.deliver(*shop.news())
        shop.stripe.decide_dispute(raw["id"], outcome)

        shop.deliver(*shop.news())
        shop.deliver()

        assert Dispute.objects.get().status == outcome
        assert shop.lines("billing.payment.dispute_closed") == [
            ("billing.payment.dispute_closed", words)
        ]
        assert Case.objects.get().state == "open"  # a person closes it

    def test_one_that_was_won_before_we_heard_of_it_opens_no_case(self, shop: Shop) -> None:
        raw = shop.stripe.dispute(shop.charge)
        shop.stripe.decide_dispute(raw["id"], "won")

        shop.deliver(*shop.news())

        assert Dispute.objects.get().status == "won"
        assert not Case.objects.exists()


def _item(stripe: StripeSimulator, subscription: Subscription) -> str:
    raw = stripe.api("GET", f"/v1/subscriptions/{subscription.external_id}").json()
    return str(raw["items"]["data"][0]["id"])
