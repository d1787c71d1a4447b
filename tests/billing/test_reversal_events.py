"""From Stripe's events to rows of money on its way back, over the simulator."""

import pytest

from billing.models import Case, CreditNote, Dispute, InboxEvent, Invoice, Refund
from tests.billing.invoice_event_steps import Shop, asked_for, manual_invoice
from tests.billing.stripe_invoice_cases import credit, refund, sent
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


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
        since = stripe.calls_so_far()

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
        case = Case.objects.get()
        assert case.state == "open"  # a person closes it
        assert ("was taken back by the bank" in case.summary) == (outcome == "lost")

    def test_one_that_was_won_before_we_heard_of_it_opens_no_case(self, shop: Shop) -> None:
        raw = shop.stripe.dispute(shop.charge)
        shop.stripe.decide_dispute(raw["id"], "won")

        shop.deliver(*shop.news())

        assert Dispute.objects.get().status == "won"
        assert not Case.objects.exists()
