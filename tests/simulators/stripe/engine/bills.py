"""The invoice object as it is drafted, and its sums."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import balances, coupons, discounting, waiting
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World


def make_invoice(
    world: World,
    *,
    customer: Json,
    reason: str,
    lines: list[Json],
    period: tuple[int, int],
    subscription: Json | None = None,
    currency: str | None = None,
) -> Json:
    """Return a draft invoice over these lines; `add` puts it into the world."""
    invoice_id = ids.new_id("invoice")
    source = subscription or {}
    now = world.now()
    days = source.get("days_until_due")
    invoice = {
        "id": invoice_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Simulator",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": source.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": currency or source["currency"],
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": []
        if subscription is None
        else [row["id"] for row in coupons.running(world, subscription)],
        "due_date": now + days * DAY if days is not None else None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None
        if subscription is None
        else {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
    reckon(world, invoice)
    return invoice


def reckon(world: World, invoice: Json) -> None:
    """Work out the sums of a draft from its lines and the customer's balance."""
    found = invoice["lines"]
    for line in found["data"]:
        line["invoice"] = invoice["id"]
    found["total_count"] = len(found["data"])
    subtotal = sum(line["amount"] for line in found["data"])
    total = subtotal - discounting.apply(world, invoice)
    invoice["subtotal"] = invoice["subtotal_excluding_tax"] = subtotal
    invoice["total"] = invoice["total_excluding_tax"] = total
    balances.foresee(world, invoice)


def add(world: World, invoice: Json) -> Json:
    """Put a draft into the world; what waited for it is on it now."""
    world.add(invoice, "invoice.created")
    waiting.claim_items(world, invoice)
    discounting.use_up(world, invoice)
    return invoice
