"""The hosted invoice, its PDF and receipts, as a payer without JavaScript uses them."""

import re
from typing import Any

import httpx
import pytest

from tests.simulators.payer import CARD, Payer
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.pages.pdf import Line, document


@pytest.fixture
def invoice(v1: Any, customer: Any, price: Any) -> Any:
    """The first invoice of a subscription that waits for its payment."""
    made = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 2}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "expand": ["latest_invoice"],
        }
    )
    return made.latest_invoice


def objects_of(file: bytes) -> dict[int, bytes]:
    """Read a PDF the way readers do: from its end, over the table, to the objects."""
    trailer = re.search(rb"startxref\n(\d+)\n%%EOF\n$", file)
    assert trailer is not None
    table = file[int(trailer[1]) :].split(b"\n")
    assert table[0] == b"xref"
    _first, count = map(int, table[1].split())
    found = {}
    for number, entry in enumerate(table[2 : 2 + count]):
        assert len(entry) == 19, "an entry has 20 bytes with its line end"
        if entry.endswith(b"n "):
            start = int(entry[:10])
            assert file[start:].startswith(b"%d 0 obj\n" % number)
            found[number] = file[start : file.index(b"\nendobj\n", start)]
    return found


class TestHostedInvoice:
    def test_shows_lines_total_and_the_card_form(self, payer: Payer, invoice: Any) -> None:
        text = payer.open(invoice.hosted_invoice_url).text

        assert f"<h1>Invoice {invoice.number}</h1>" in text
        assert "2 × Starter (at $29.00 / month)" in text  # noqa: RUF001 - Stripe's own sign
        assert "<li><span>Total</span><span>$58.00</span></li>" in text
        assert "Pay $58.00</button>" in text
        assert f'href="/i/{invoice.id}/pdf"' in text

    def test_a_card_pays_and_the_subscription_runs(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, invoice: Any
    ) -> None:
        before = len(simulator.events())

        shown = payer.send(invoice.hosted_invoice_url, number="4242 4242 4242 4242", **CARD)

        paid = v1.invoices.retrieve(invoice.id)
        assert (paid.status, paid.amount_paid) == ("paid", 5800)
        subscription = v1.subscriptions.retrieve(
            paid.parent.subscription_details.subscription, {"expand": ["default_payment_method"]}
        )
        assert subscription.status == "active"
        assert subscription.default_payment_method.card.last4 == "4242"
        assert "Paid. Thank you!" in shown.text
        assert "Pay $58.00" not in shown.text
        types = [event["type"] for event in simulator.events()[before:]]
        assert {"payment_intent.succeeded", "invoice.paid", "payment_method.attached"} <= set(types)

    def test_a_declined_card_is_said_and_may_be_replaced(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, invoice: Any
    ) -> None:
        url = invoice.hosted_invoice_url

        declined = payer.send(url, number="4000000000009995", **CARD)
        assert declined.status_code == 402
        assert 'role="alert">Your card has insufficient funds.' in declined.text
        assert v1.invoices.retrieve(invoice.id).status == "open"
        payer.send(url, number="4242424242424242", **CARD)

        assert v1.invoices.retrieve(invoice.id).status == "paid"
        assert len(simulator.events("invoice.payment_failed")) == 1
        assert len(simulator.events("invoice.payment_succeeded")) == 1

    @pytest.mark.parametrize(("outcome", "status"), [("pass", "paid"), ("fail", "open")])
    def test_the_issuer_may_ask_first(
        self, v1: Any, payer: Payer, invoice: Any, outcome: str, status: str
    ) -> None:
        asked = payer.send(invoice.hosted_invoice_url, number="4000002760003184", **CARD)

        shown = payer.answer(asked, outcome)

        assert v1.invoices.retrieve(invoice.id).status == status
        expected = "Paid. Thank you!" if outcome == "pass" else "unable to authenticate"
        assert expected in shown.text

    def test_a_paid_one_is_not_paid_again(self, v1: Any, payer: Payer, invoice: Any) -> None:
        payer.send(invoice.hosted_invoice_url, number="4242424242424242", **CARD)

        shown = payer.send(invoice.hosted_invoice_url, number="5555555555554444", **CARD)

        assert "Paid. Thank you!" in shown.text
        assert len(v1.charges.list({"customer": invoice.customer}).data) == 1

    def test_a_void_one_takes_no_card(self, v1: Any, payer: Payer, invoice: Any) -> None:
        v1.invoices.void_invoice(invoice.id)

        shown = payer.send(invoice.hosted_invoice_url, number="4242424242424242", **CARD)

        assert "Void" in shown.text
        assert "Pay by card" not in shown.text
        assert v1.charges.list({"customer": invoice.customer}).data == []

    def test_a_draft_has_no_page(self, v1: Any, payer: Payer, customer: Any) -> None:
        draft = v1.invoices.create({"customer": customer.id})

        assert payer.open(f"/i/{draft.id}").status_code == 404
        assert payer.open(f"/i/{draft.id}/pdf").status_code == 404


class TestPdf:
    def test_has_number_and_total(self, payer: Payer, invoice: Any) -> None:
        answer = payer.open(invoice.invoice_pdf)

        assert answer.headers["content-type"] == "application/pdf"
        streams = [one for one in objects_of(answer.content).values() if b"stream\n" in one]
        (content,) = streams
        assert f"(Invoice {invoice.number}) Tj".encode() in content
        assert b"($58.00) Tj" in content
        assert b"(2 \xd7 Starter \\(at $29.00 / month\\)) Tj" in content

    def test_goes_on_over_pages(self) -> None:
        found = objects_of(document("Long", [Line(f"Line {n}") for n in range(100)]))

        assert b"/Count 3" in found[2]
        assert sum(b"/Type /Page " in one for one in found.values()) == 3
        text = b"".join(found.values())
        assert all(b"(Line %d) Tj" % n in text for n in range(100))
        for one in found.values():
            length = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", one, re.DOTALL)
            assert length is None or int(length[1]) == len(length[2])


def test_a_receipt_is_there_once_paid(v1: Any, payer: Payer, invoice: Any) -> None:
    payer.send(invoice.hosted_invoice_url, number="4242424242424242", **CARD)
    (charge,) = v1.charges.list({"customer": invoice.customer}).data

    shown = payer.open(charge.receipt_url)

    assert shown.status_code == httpx.codes.OK
    assert "<span>Amount</span><span>$58.00</span>" in shown.text
    assert "Visa ending in 4242" in shown.text


class TestDiscounts:
    def test_are_on_the_checkout_and_on_the_invoice(
        self, v1: Any, payer: Payer, customer: Any, price: Any
    ) -> None:
        coupon = v1.coupons.create({"percent_off": 25, "duration": "once"})
        session = v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer.id,
                "line_items": [{"price": price.id, "quantity": 2}],
                "discounts": [{"coupon": coupon.id}],
                "success_url": "http://127.0.0.1/done",
            }
        )

        asked = payer.open(session.url).text
        payer.leaves_for(session.url, email="ada@example.test", number="4242424242424242", **CARD)
        paid = v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
        shown = payer.open(paid.invoice.hosted_invoice_url).text

        assert "<span>2 of Starter</span><span>$58.00 / month</span>" in asked
        assert "<li><span>Discount</span><span>-$14.50</span></li>" in asked
        assert '<p class="total">$43.50</p>' in asked
        for row in ("Subtotal</span><span>$58.00", "Discount</span><span>-$14.50"):
            assert f"<li><span>{row}</span></li>" in shown
        assert '<p class="total">$43.50</p>' in shown
