"""Prorations: what is credited for unused time, and charged for the time that remains."""

import time
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import coupons, discounting, lines
from tests.simulators.stripe.world import World


@dataclass(frozen=True)
class _Debit:
    """What was last charged for an item's running period, and for which part of it."""

    amount: int
    start: int
    end: int
    credited: Json | None


def full_price(item: Json) -> int:
    """Return what an item costs for a whole period in advance; metered ones are billed later."""
    if item["price"]["recurring"]["usage_type"] == "metered":
        return 0
    return lines.amount_of(item["price"], item["quantity"])


def credit(world: World, subscription: Json, item: Json, moment: int) -> None:
    """Credit what was charged for the time from a moment to the end of the period."""
    debit = _last_debit(world, subscription, item)
    if debit is None:
        return
    amount = _share(debit.amount, debit.start, debit.end, moment)
    details: Json = {"discount_amounts": []}
    if debit.credited is not None:
        details["credited_items"] = debit.credited
    _enter(world, subscription, item, moment, -amount, details)


def charge(world: World, subscription: Json, item: Json, moment: int) -> None:
    """Charge an item for the time from a moment to the end of its period."""
    start, end = item["current_period_start"], item["current_period_end"]
    taken = _discounts(world, subscription, item)
    net = full_price(item) - sum(amount for _discount, amount in taken)
    amount = _share(net, start, end, moment)
    included = [(discount, _share(part, start, end, moment)) for discount, part in taken]
    details = {"discount_amounts": discounting.shown(included)}
    _enter(world, subscription, item, moment, amount, details)


def _discounts(world: World, subscription: Json, item: Json) -> list[discounting.Share]:
    """Return what the discounts take off an item's whole period: prorations are net of them."""
    items = subscription["items"]["data"]
    parts = [discounting.Part(full_price(one), one["price"]["product"]) for one in items]
    running = coupons.running(world, subscription)
    found = discounting.shares(world, parts, running, subscription["currency"])
    return found[items.index(item)]


def _share(amount: int, start: int, end: int, moment: int) -> int:
    """Return the part of an amount that falls to the time after a moment, to the second."""
    left = Decimal(max(end - max(moment, start), 0)) / Decimal(max(end - start, 1))
    return int((amount * left).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _last_debit(world: World, subscription: Json, item: Json) -> _Debit | None:
    if subscription["billing_mode"]["type"] == "classic":
        taken = sum(amount for _discount, amount in _discounts(world, subscription, item))
        start, end = item["current_period_start"], item["current_period_end"]
        return _Debit(full_price(item) - taken, start, end, None)
    end = item["current_period_end"]
    entries = list(world.store.where("invoiceitem", "customer", subscription["customer"]))
    for entry in reversed(entries):
        details = (entry["parent"] or {}).get("subscription_details") or {}
        if details.get("subscription_item") != item["id"] or entry["period"]["end"] != end:
            continue
        if _is_void(world, entry["invoice"]):
            continue
        if entry["amount"] < 0:
            return None
        note = {
            "invoice_item": entry["id"],
            "invoice_line_item_details": None,
            "type": "invoice_item",
        }
        return _Debit(entry["amount"], entry["period"]["start"], end, note)
    return _debit_on_invoice(world, subscription, item)


def _is_void(world: World, invoice_id: str | None) -> bool:
    invoice = world.store.find("invoice", invoice_id) if invoice_id else None
    return invoice is not None and invoice["status"] == "void"


def _debit_on_invoice(world: World, subscription: Json, item: Json) -> _Debit | None:
    end = item["current_period_end"]
    invoices = list(world.store.where("invoice", "customer", subscription["customer"]))
    for invoice in reversed(invoices):
        if invoice["status"] == "void":
            continue
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"] or {}
            if details.get("subscription_item") != item["id"] or details["proration"]:
                continue
            if line["period"]["end"] != end:
                continue
            note = {
                "invoice_item": None,
                "invoice_line_item_details": {
                    "invoice": invoice["id"],
                    "invoice_line_items": [line["id"]],
                },
                "type": "invoice_line_items",
            }
            taken = sum(part["amount"] for part in line["discount_amounts"])
            return _Debit(line["amount"] - taken, line["period"]["start"], end, note)
    return None


def _enter(
    world: World, subscription: Json, item: Json, moment: int, amount: int, details: Json
) -> None:
    if amount == 0:
        return
    product = world.store.get("product", item["price"]["product"])
    word = "Unused" if amount < 0 else "Remaining"
    after = time.strftime("%d %b %Y", time.gmtime(moment))
    what = f"{item['quantity']} × {product['name']}"  # noqa: RUF001 - as Stripe writes it
    entry = {
        "id": ids.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": item["price"]["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": world.now(),
        "description": f"{word} time on {what} after {after}",
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": {
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_details",
        },
        "period": {"end": item["current_period_end"], "start": moment},
        "pricing": {
            "price_details": {
                "price": item["price"]["id"],
                "product": item["price"]["product"],
            },
            "type": "price_details",
            "unit_amount_decimal": item["price"]["unit_amount_decimal"],
        },
        "proration": True,
        "proration_details": details,
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "tax_rates": [],
        "test_clock": subscription["test_clock"],
    }
    world.add(entry, "invoiceitem.created")
