"""The provider's objects of one payer, in the shape of the pinned API version."""

from bench import catalogue, ids
from bench.catalogue import Json


def _metadata(number: int) -> Json:
    return {
        "till_subscription_id": str(ids.row_id("sub", number)),
        "till_organization_id": str(ids.row_id("org", number)),
    }


def customer(number: int) -> Json:
    """Return a payer."""
    return {
        "id": ids.external_id("cus", number),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": ids.START - ids.MONTH,
        "currency": "usd",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": f"payer{number}@till.example",
        "invoice_prefix": "BENCH",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {"till_organization_id": str(ids.row_id("org", number))},
        "name": f"Organization {number}",
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def subscription(number: int) -> Json:
    """Return a subscription: active, in the month that began at ids.START."""
    item: Json = {
        "id": ids.external_id("si", number),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": ids.START - ids.MONTH,
        "current_period_end": ids.START + ids.MONTH,
        "current_period_start": ids.START,
        "discounts": [],
        "metadata": {},
        "price": catalogue.price(),
        "quantity": 1,
        "subscription": ids.external_id("sub", number),
        "tax_rates": [],
    }
    return {
        "id": ids.external_id("sub", number),
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": ids.START,
        "billing_mode": {"type": "flexible"},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": ids.START - ids.MONTH,
        "currency": "usd",
        "customer": ids.external_id("cus", number),
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "items": {
            "object": "list",
            "data": [item],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={ids.external_id('sub', number)}",
        },
        "latest_invoice": ids.external_id("in", number),
        "livemode": False,
        "metadata": _metadata(number),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "on_subscription",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": ids.START - ids.MONTH,
        "status": "active",
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def invoice(number: int) -> Json:
    """Return the paid invoice of a subscription's month."""
    return {
        "id": ids.external_id("in", number),
        "object": "invoice",
        "amount_due": ids.AMOUNT,
        "amount_paid": ids.AMOUNT,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "attempt_count": 1,
        "attempted": True,
        "auto_advance": False,
        "billing_reason": "subscription_create",
        "collection_method": "charge_automatically",
        "confirmation_secret": None,
        "created": ids.START,
        "currency": "usd",
        "customer": ids.external_id("cus", number),
        "customer_address": None,
        "customer_email": f"payer{number}@till.example",
        "customer_name": f"Organization {number}",
        "customer_tax_ids": [],
        "discounts": [],
        "due_date": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "lines": {
            "object": "list",
            "data": [_line(number)],
            "has_more": False,
            "url": "/v1/invoices/lines",
        },
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": f"BENCH-{number}",
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "ending_balance": 0,
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": _metadata(number),
                "subscription": ids.external_id("sub", number),
            },
            "type": "subscription_details",
        },
        "payments": {
            "object": "list",
            "data": [_invoice_payment(number)],
            "has_more": False,
            "url": "/v1/invoice_payments",
        },
        "period_end": ids.START,
        "period_start": ids.START,
        "status": "paid",
        "status_transitions": {
            "finalized_at": ids.START,
            "marked_uncollectible_at": None,
            "paid_at": ids.START,
            "voided_at": None,
        },
        "subtotal": ids.AMOUNT,
        "total": ids.AMOUNT,
        "total_discount_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }


def _line(number: int) -> Json:
    return {
        "id": ids.external_id("il", number),
        "object": "line_item",
        "amount": ids.AMOUNT,
        "currency": "usd",
        "description": "1 x Starter (at $19.00 / month)",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": ids.external_id("in", number),
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": ids.external_id("sub", number),
                "subscription_item": ids.external_id("si", number),
            },
            "type": "subscription_item_details",
        },
        "period": {"start": ids.START, "end": ids.START + ids.MONTH},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": ids.PRICE_ID, "product": ids.PRODUCT_ID},
            "type": "price_details",
            "unit_amount_decimal": str(ids.AMOUNT),
        },
        "quantity": 1,
        "taxes": [],
    }


def _invoice_payment(number: int) -> Json:
    return {
        "id": ids.external_id("inpay", number),
        "object": "invoice_payment",
        "amount_paid": ids.AMOUNT,
        "amount_requested": ids.AMOUNT,
        "created": ids.START,
        "currency": "usd",
        "invoice": ids.external_id("in", number),
        "is_default": True,
        "livemode": False,
        "payment": {
            "payment_intent": ids.external_id("pi", number),
            "type": "payment_intent",
        },
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": ids.START},
    }


def payment_intent(number: int) -> Json:
    """Return the payment behind an invoice."""
    return {
        "id": ids.external_id("pi", number),
        "object": "payment_intent",
        "amount": ids.AMOUNT,
        "amount_capturable": 0,
        "amount_received": ids.AMOUNT,
        "capture_method": "automatic",
        "client_secret": f"{ids.external_id('pi', number)}_secret_bench",
        "created": ids.START,
        "currency": "usd",
        "customer": ids.external_id("cus", number),
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": "succeeded",
    }
