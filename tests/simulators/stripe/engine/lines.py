"""Invoice lines and subscription items: what is charged for which period."""

from decimal import ROUND_HALF_UP, Decimal

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.world import World


def amount_of(price: Json, quantity: int) -> int:
    """Return what a quantity of a price costs, in minor units."""
    if price["tiers"]:
        return _tiered(price, quantity)
    exact = Decimal(price["unit_amount_decimal"] or "0") * quantity
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _tiered(price: Json, quantity: int) -> int:
    total, below = Decimal(0), 0
    for tier in price["tiers"]:
        up_to = tier["up_to"] if tier["up_to"] is not None else quantity
        unit = Decimal(tier["unit_amount_decimal"] or "0")
        flat = tier["flat_amount"] or 0
        if price["tiers_mode"] == "volume" and quantity <= up_to:
            return int(unit * quantity) + flat
        if price["tiers_mode"] == "graduated" and quantity > below:
            total += unit * (min(quantity, up_to) - below) + flat
        below = up_to
    return int(total)


def plan_of(price: Json) -> Json:
    """Return the legacy plan that Stripe still shows beside an item's price."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def make_item(
    world: World,
    *,
    subscription: str,
    price: Json,
    quantity: int,
    period: tuple[int, int],
    metadata: Json,
) -> Json:
    """Return a new subscription item."""
    return {
        "id": ids.new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now(),
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": metadata,
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def describe(world: World, price: Json, quantity: int) -> str:
    """Return the wording of a line: quantity, product, unit price and interval."""
    product = world.store.find("product", price["product"])
    name = product["name"] if product else price["product"]
    shown = f"${(price['unit_amount'] or 0) / 100:,.2f}"
    if price["currency"] != "usd":
        shown = f"{(price['unit_amount'] or 0) / 100:,.2f} {price['currency'].upper()}"
    recurring = price["recurring"]
    every = f" / {recurring['interval']}" if recurring else ""
    return f"{quantity} × {name} (at {shown}{every})"  # noqa: RUF001


def item_line(world: World, item: Json, *, period: tuple[int, int], trial: bool = False) -> Json:
    """Return the line for one item over one period; a trial costs nothing."""
    price, quantity = item["price"], item["quantity"]
    metered = price["recurring"]["usage_type"] == "metered"
    amount = 0 if trial or metered else amount_of(price, quantity)
    product = world.store.find("product", price["product"])
    description = describe(world, price, quantity)
    if trial:
        description = f"Trial period for {product['name'] if product else price['product']}"
    return make_line(
        price=price,
        amount=amount,
        quantity=0 if metered else quantity,
        period=period,
        description=description,
        metadata=dict(item["metadata"]),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
    )


def make_line(
    *,
    price: Json,
    amount: int,
    quantity: int,
    period: tuple[int, int],
    description: str,
    parent: Json,
    metadata: Json,
) -> Json:
    """Return an invoice line; its invoice is filled in when it is put on one."""
    details = parent["subscription_item_details"] or parent["invoice_item_details"]
    return {
        "id": ids.new_id("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": metadata,
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "subscription": details["subscription"],
        "subtotal": amount,
        "taxes": [],
    }


def line_of_invoiceitem(entry: Json) -> Json:
    """Return the invoice line for an invoice item; a proration belongs to its subscription item."""
    details = (entry["parent"] or {}).get("subscription_details") or {}
    credited = (entry["proration_details"] or {}).get("credited_items") or {}
    parent: Json = {
        "invoice_item": entry["id"],
        "proration": entry["proration"],
        "proration_details": {"credited_items": credited.get("invoice_line_item_details")},
        "subscription": details.get("subscription"),
    }
    item = details.get("subscription_item")
    if item is not None:
        parent["subscription_item"] = item
    return {
        "id": ids.new_id("line_item"),
        "object": "line_item",
        "amount": entry["amount"],
        "currency": entry["currency"],
        "description": entry["description"],
        "discount_amounts": [],
        "discountable": entry["discountable"],
        "discounts": list(entry["discounts"]),
        "invoice": None,
        "livemode": False,
        "metadata": dict(entry["metadata"]),
        "parent": {
            "invoice_item_details": parent if item is None else None,
            "subscription_item_details": None if item is None else parent,
            "type": "invoice_item_details" if item is None else "subscription_item_details",
        },
        "period": dict(entry["period"]),
        "pretax_credit_amounts": [],
        "pricing": entry["pricing"],
        "quantity": entry["quantity"],
        "subscription": details.get("subscription"),
        "subtotal": entry["amount"],
        "taxes": [],
    }


def invoiceitem_of(line: Json) -> str | None:
    """Return the id of the invoice item that a line was made from."""
    parent = line["parent"]
    details = parent["invoice_item_details"] or parent["subscription_item_details"]
    found: str | None = details["invoice_item"]
    return found
