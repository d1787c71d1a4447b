"""The journey's part about invoices by hand: amounts, lines, credit notes, items one by one."""

from typing import Any

import stripe

DAY = 86_400


def go(traveller: Any, price: Any, customer: Any) -> None:
    """Drive what is invoiced beside the renewals."""
    amounts(traveller, price, customer)
    credit_notes(traveller, price, customer)
    items(traveller, price, customer)
    pending_updates(traveller, price, customer)


def amounts(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    once = v1.prices.create({"product": price.product, "currency": "usd", "unit_amount": 700})
    waiting = v1.invoice_items.create(
        {
            "customer": customer.id,
            "amount": 500,
            "currency": "usd",
            "period": {"start": 1_800_000_000, "end": 1_800_000_100},
            "discountable": True,
        }
    )
    v1.invoice_items.retrieve(waiting.id, {"expand": ["customer"]})
    v1.invoice_items.update(waiting.id, {"amount": 600, "metadata": {"a": "1"}})
    v1.invoice_items.list({"customer": customer.id, "pending": True})
    v1.coupons.create({"percent_off": 10, "id": "TENTH"})
    draft = v1.invoices.create(
        {
            "customer": customer.id,
            "currency": "usd",
            "pending_invoice_items_behavior": "exclude",
            "collection_method": "send_invoice",
            "days_until_due": 3,
            "discounts": [{"coupon": "TENTH"}],
        }
    )
    priced = v1.invoice_items.create(
        {
            "customer": customer.id,
            "invoice": draft.id,
            "pricing": {"price": once.id},
            "quantity": 2,
        }
    )
    v1.invoices.add_lines(
        draft.id,
        {
            "lines": [
                {"invoice_item": waiting.id},
                {"amount": 100, "description": "d", "discountable": False},
            ],
            "invoice_metadata": {"a": "1"},
        },
    )
    v1.invoice_items.delete(priced.id)
    v1.invoices.update(draft.id, {"days_until_due": 4, "footer": "f", "discounts": ""})
    v1.invoices.send_invoice(draft.id)
    traveller.refused(stripe.InvalidRequestError, v1.invoice_items.delete, waiting.id)
    traveller.refused(
        stripe.InvalidRequestError, v1.invoices.update, draft.id, {"days_until_due": 9}
    )
    by_itself = v1.invoices.create({"customer": customer.id, "auto_advance": True})
    v1.invoices.add_lines(by_itself.id, {"lines": [{"amount": 100}]})
    v1.invoices.finalize_invoice(by_itself.id, {"auto_advance": True})
    traveller.simulator.advance(5 * DAY)


def credit_notes(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "expand": ["latest_invoice.lines"],
        }
    )
    bill = made.latest_invoice
    line = bill.lines.data[0].id
    wish = {
        "invoice": bill.id,
        "lines": [
            {"type": "invoice_line_item", "invoice_line_item": line, "amount": 300},
            {
                "type": "custom_line_item",
                "description": "d",
                "quantity": 2,
                "unit_amount": 100,
            },
        ],
        "credit_amount": 200,
        "refund_amount": 300,
        "reason": "duplicate",
        "memo": "m",
        "metadata": {"a": "1"},
    }
    v1.credit_notes.preview(wish)
    note = v1.credit_notes.create(wish)
    v1.credit_notes.retrieve(note.id, {"expand": ["invoice", "refunds.refund", "customer"]})
    v1.credit_notes.update(note.id, {"memo": "n", "metadata": {"b": "2"}})
    v1.credit_notes.list({"invoice": bill.id, "customer": customer.id})
    v1.credit_notes.line_items.list(note.id)
    charge = v1.charges.list({"customer": customer.id, "limit": 1}).data[0]
    v1.charges.update(charge.id, {"description": "d", "metadata": {"a": "1"}})
    v1.balance_transactions.list({"source": charge.id})
    open_one = v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 3}],
            "payment_behavior": "default_incomplete",
        }
    )
    lowering = v1.credit_notes.create({"invoice": open_one.latest_invoice, "amount": 100})
    v1.credit_notes.void_credit_note(lowering.id)


def items(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    second = v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
        }
    )
    added = v1.subscription_items.create(
        {
            "subscription": made.id,
            "price": second.id,
            "quantity": 2,
            "metadata": {"a": "1"},
            "proration_behavior": "create_prorations",
        }
    )
    v1.subscription_items.update(
        added.id, {"quantity": 3, "off_session": True, "proration_behavior": "always_invoice"}
    )
    v1.subscription_items.delete(added.id, {"proration_behavior": "none"})
    v1.subscriptions.cancel(made.id)


def pending_updates(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    for outcome in ("paid", "late"):
        made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
        bad = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
        good = v1.subscriptions.retrieve(made.id).default_payment_method
        v1.subscriptions.update(made.id, {"default_payment_method": bad.id})
        waiting = v1.subscriptions.update(
            made.id,
            {
                "items": [{"id": made["items"].data[0].id, "quantity": 9}],
                "payment_behavior": "pending_if_incomplete",
                "proration_behavior": "always_invoice",
                "expand": ["latest_invoice"],
            },
        )
        assert waiting.pending_update is not None
        if outcome == "paid":
            paying = good or v1.customers.retrieve(customer.id).invoice_settings.to_dict()
            method = paying if isinstance(paying, str) else paying["default_payment_method"]
            v1.invoices.pay(waiting.latest_invoice.id, {"payment_method": method})
        else:
            traveller.simulator.advance(DAY)
        assert v1.subscriptions.retrieve(made.id).pending_update is None
