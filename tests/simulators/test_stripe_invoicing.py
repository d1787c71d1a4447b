"""Invoices by hand, the amounts that wait for them, and credit notes."""

from typing import Any

import pytest
import stripe

from tests.simulators.conftest import save_card
from tests.simulators.stripe.client import StripeSimulator

DAY = 86_400


@pytest.fixture
def once(v1: Any, price: Any) -> Any:
    """A price that is paid once."""
    return v1.prices.create({"product": price.product, "currency": "usd", "unit_amount": 700})


class TestWaitingAmounts:
    def test_are_put_on_an_invoice_by_hand(
        self, v1: Any, customer: Any, once: Any, card: Any
    ) -> None:
        v1.invoice_items.create(
            {"customer": customer.id, "amount": 1234, "currency": "usd", "description": "setup"}
        )
        v1.invoice_items.create(
            {"customer": customer.id, "pricing": {"price": once.id}, "quantity": 3}
        )
        assert len(v1.invoice_items.list({"customer": customer.id, "pending": True}).data) == 2

        bill = v1.invoices.create(
            {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        )
        paid = v1.invoices.pay(bill.id)

        assert [(line.amount, line.quantity) for line in bill.lines.data] == [(1234, 1), (2100, 3)]
        assert bill.lines.data[1].pricing.price_details.price == once.id
        assert (paid.status, paid.amount_paid) == ("paid", 3334)
        assert v1.invoice_items.list({"customer": customer.id, "pending": True}).data == []

    def test_come_with_the_next_renewal(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
        for more in ({}, {"subscription": made.id}):
            v1.invoice_items.create(
                {"customer": customer.id, "amount": 500, "currency": "usd", **more}
            )
        preview = v1.invoices.create_preview({"subscription": made.id})

        simulator.advance(32 * DAY)

        renewal = v1.invoices.list({"subscription": made.id}).data[0]
        assert renewal.amount_paid == preview.total == 3900

    def test_come_with_the_first_invoice(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "usd"})

        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "expand": ["latest_invoice"],
            }
        )

        assert made.latest_invoice.amount_paid == 3400

    def test_can_be_changed_and_deleted_until_then(self, v1: Any, customer: Any, card: Any) -> None:
        draft = v1.invoices.create({"customer": customer.id})
        entry = v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 500, "currency": "usd"}
        )
        assert v1.invoices.retrieve(draft.id).total == 500
        v1.invoice_items.update(entry.id, {"amount": 800, "description": "more"})
        assert v1.invoices.retrieve(draft.id).total == 800
        other = v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 1, "currency": "usd"}
        )
        v1.invoice_items.delete(other.id)

        opened = v1.invoices.finalize_invoice(draft.id)

        assert [line.description for line in opened.lines.data] == ["more"]
        for call in (v1.invoice_items.delete, lambda one: v1.invoice_items.update(one, {})):
            with pytest.raises(stripe.InvalidRequestError) as refused:
                call(entry.id)
            assert refused.value.code == "invoice_not_editable"

    def test_recurring_prices_are_refused(self, v1: Any, customer: Any, price: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="type=one_time") as refused:
            v1.invoice_items.create({"customer": customer.id, "pricing": {"price": price.id}})

        assert refused.value.param == "pricing[price]"


class TestByHand:
    def test_lines_are_added_to_a_draft(self, v1: Any, customer: Any, once: Any) -> None:
        draft = v1.invoices.create({"customer": customer.id})

        full = v1.invoices.add_lines(
            draft.id,
            {
                "lines": [
                    {"amount": 250, "description": "work"},
                    {"pricing": {"price": once.id}, "quantity": 2},
                ],
                "invoice_metadata": {"a": "1"},
            },
        )

        assert (full.total, full.metadata.a) == (1650, "1")
        assert [line.description for line in full.lines.data] == ["work", None]

    def test_a_coupon_holds_for_one_invoice(self, v1: Any, customer: Any) -> None:
        v1.coupons.create({"percent_off": 10, "id": "TENTH"})
        draft = v1.invoices.create({"customer": customer.id, "discounts": [{"coupon": "TENTH"}]})

        full = v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1000}]})

        assert (full.subtotal, full.total) == (1000, 900)
        assert len(full.discounts) == 1

    def test_is_sent_to_be_paid_by_link(
        self, simulator: StripeSimulator, v1: Any, customer: Any
    ) -> None:
        draft = v1.invoices.create(
            {
                "customer": customer.id,
                "collection_method": "send_invoice",
                "days_until_due": 14,
            }
        )
        v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1000}]})

        sent = v1.invoices.send_invoice(draft.id)
        simulator.advance(15 * DAY)

        assert (sent.status, sent.due_date - draft.created) == ("open", 14 * DAY)
        assert len(simulator.events("invoice.sent")) == 1
        assert len(simulator.events("invoice.overdue")) == 1

    def test_needs_a_due_date_to_be_sent(self, v1: Any, customer: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.invoices.create({"customer": customer.id, "collection_method": "send_invoice"})

        assert refused.value.param == "days_until_due"

    def test_is_charged_by_itself_when_it_may(
        self, simulator: StripeSimulator, v1: Any, customer: Any, card: Any
    ) -> None:
        v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
        bill = v1.invoices.create(
            {
                "customer": customer.id,
                "auto_advance": True,
                "pending_invoice_items_behavior": "include",
            }
        )

        simulator.advance(2 * 3600)

        assert v1.invoices.retrieve(bill.id).amount_paid == 900

    def test_only_words_change_once_it_is_final(self, v1: Any, customer: Any) -> None:
        draft = v1.invoices.create({"customer": customer.id})
        v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1000}]})
        v1.invoices.finalize_invoice(draft.id)

        v1.invoices.update(draft.id, {"metadata": {"a": "1"}})
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.invoices.update(draft.id, {"number": "X-1"})

        assert refused.value.code == "invoice_not_editable"

    def test_a_deleted_draft_lets_its_amounts_wait_again(self, v1: Any, customer: Any) -> None:
        v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
        draft = v1.invoices.create(
            {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        )

        v1.invoices.delete(draft.id)

        (left,) = v1.invoice_items.list({"customer": customer.id, "pending": True}).data
        assert left.invoice is None


class TestCreditNotes:
    def paid(self, v1: Any, customer: Any, price: Any) -> Any:
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id, "quantity": 2}],
                "expand": ["latest_invoice"],
            }
        )
        return made.latest_invoice

    def test_give_back_to_the_card_and_to_the_balance(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        bill = self.paid(v1, customer, price)

        note = v1.credit_notes.create(
            {
                "invoice": bill.id,
                "lines": [
                    {
                        "type": "invoice_line_item",
                        "invoice_line_item": bill.lines.data[0].id,
                        "quantity": 1,
                    }
                ],
                "refund_amount": 1900,
                "credit_amount": 1000,
                "reason": "order_change",
            }
        )

        refund = v1.refunds.retrieve(note.refunds[0].refund)
        after = v1.invoices.retrieve(bill.id)
        assert (note.amount, note.type, note.status) == (2900, "post_payment", "issued")
        assert note.number == f"{bill.number}-CN-01"
        assert (refund.amount, refund.status) == (1900, "succeeded")
        assert v1.customers.retrieve(customer.id).balance == -1000
        assert (after.status, after.post_payment_credit_notes_amount) == ("paid", 2900)
        assert v1.credit_notes.list({"invoice": bill.id}).data[0].id == note.id
        assert len(simulator.events("credit_note.created")) == 1

    def test_have_to_say_where_the_money_goes(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        bill = self.paid(v1, customer, price)

        with pytest.raises(stripe.InvalidRequestError, match="must equal"):
            v1.credit_notes.create({"invoice": bill.id, "amount": 500})

    def test_never_exceed_the_invoice(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        bill = self.paid(v1, customer, price)
        v1.credit_notes.create({"invoice": bill.id, "amount": 5000, "credit_amount": 5000})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.credit_notes.create({"invoice": bill.id, "amount": 801, "credit_amount": 801})

        assert refused.value.param == "amount"

    def test_lower_an_open_invoice(self, v1: Any, customer: Any, price: Any) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        bill = self.paid(v1, customer, price)
        preview = v1.credit_notes.preview({"invoice": bill.id, "amount": 1800})

        note = v1.credit_notes.create({"invoice": bill.id, "amount": 1800})
        lowered = v1.invoices.retrieve(bill.id)
        good = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        paid = v1.invoices.pay(bill.id, {"payment_method": good.id})

        assert (preview.amount, note.type) == (1800, "pre_payment")
        assert (lowered.amount_due, lowered.pre_payment_credit_notes_amount) == (4000, 1800)
        assert paid.amount_paid == 4000

    def test_of_everything_settle_an_open_invoice(self, v1: Any, customer: Any, price: Any) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        bill = self.paid(v1, customer, price)

        v1.credit_notes.create({"invoice": bill.id, "amount": 5800})

        assert v1.invoices.retrieve(bill.id).status == "paid"

    def test_can_be_voided_while_the_invoice_is_open(
        self, v1: Any, customer: Any, price: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        bill = self.paid(v1, customer, price)
        note = v1.credit_notes.create({"invoice": bill.id, "amount": 1800})

        voided = v1.credit_notes.void_credit_note(note.id)

        assert voided.status == "void"
        assert v1.invoices.retrieve(bill.id).amount_due == 5800
