"""/v1/invoiceitems, and the lines that are added to a draft."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import items, lines
from tests.simulators.stripe.engine.items import Amount, ItemWish
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.resources.catalog import make_price
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.resources.subscriptions import quantity_of, refuse_item_discounts
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_PRICED = ("amount", "pricing", "price_data", "unit_amount_decimal", "quantity")


def _price(world: World, params: Params) -> Json | None:
    if params.has("price_data"):
        data = params.inside("price_data")
        product = world.store.get("product", data.need("product"), param=data.name("product"))
        return make_price(world, data, product=product["id"])
    named = params.inside("pricing").text("price")
    if named is None:
        return None
    price = world.store.get("price", named, param=f"{params.name('pricing')}[price]")
    if price["recurring"] is not None:
        raise Refusal(
            "The price specified is set to `type=recurring` but this field only accepts prices "
            f"with `type=one_time`: {named}",
            param=f"{params.name('pricing')}[price]",
        )
    return price


def amount_of(world: World, params: Params, *, currency: str) -> Amount:
    """Return what an item or a line is to cost."""
    quantity = quantity_of(params)
    price = _price(world, params)
    if price is not None:
        return Amount(
            total=lines.amount_of(price, quantity),
            quantity=quantity,
            currency=price["currency"],
            price=price["id"],
            product=price["product"],
            unit=price["unit_amount_decimal"],
        )
    unit = params.text("unit_amount_decimal")
    if unit is not None:
        try:
            exact = Decimal(unit) * quantity
        except InvalidOperation:
            raise Refusal(
                f"Invalid decimal: {unit}", param=params.name("unit_amount_decimal")
            ) from None
        total = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        return Amount(total, quantity, currency, unit=unit)
    amount = params.integer("amount")
    if amount is None:
        raise missing(params.name("amount"))
    return Amount(amount, 1, currency)


def item_wish(world: World, params: Params, customer: Json, *, currency: str) -> ItemWish:
    """Return the invoice item that the parameters describe."""
    refuse_item_discounts(params)
    period = params.inside("period")
    span = None
    if period.data:
        span = period.integer("start") or 0, period.integer("end") or 0
    discountable = params.boolean("discountable") if params.has("discountable") else None
    return ItemWish(
        customer=customer,
        amount=amount_of(world, params, currency=currency),
        description=params.text("description"),
        period=span,
        discountable=discountable,
        metadata=merge_metadata({}, params),
    )


def _draft(world: World, invoice_id: str) -> Json:
    invoice = world.store.get("invoice", invoice_id, param="invoice")
    if invoice["status"] != "draft":
        raise Refusal(
            "The invoice is not a draft: items can only be added to draft invoices.",
            code="invoice_not_editable",
            param="invoice",
        )
    return invoice


@route("POST", "/v1/invoiceitems")
def create_invoice_item(call: Call) -> Json:
    """Add an amount to the customer's next invoice, or to a draft."""
    world, params = call.world, call.params
    invoice_id = params.text("invoice")
    invoice = _draft(world, invoice_id) if invoice_id is not None else None
    customer_id = params.text("customer") or (invoice["customer"] if invoice else None)
    if customer_id is None:
        raise missing("customer")
    customer = live_customer(world, customer_id, param="customer")
    currency = params.text("currency") or (invoice or customer)["currency"] or "usd"
    subscription_id = params.text("subscription")
    if subscription_id is not None:
        subscription = world.store.get("subscription", subscription_id, param="subscription")
        currency = subscription["currency"]
    wish = item_wish(world, params, customer, currency=currency.lower())
    if invoice is not None and wish.amount.currency != invoice["currency"]:
        raise Refusal(
            f"The invoice is in {invoice['currency']}, the item in {wish.amount.currency}.",
            param="currency",
        )
    if subscription_id is not None:
        wish = replace(wish, subscription=subscription_id)
    return items.add_item(world, wish, invoice)


@route("GET", "/v1/invoiceitems/{}")
def get_invoice_item(call: Call) -> Json:
    """Return an invoice item."""
    return call.world.store.get("invoiceitem", call.id)


@route("GET", "/v1/invoiceitems")
def list_invoice_items(call: Call) -> Json:
    """Return invoice items, by customer, by invoice, or those that wait."""
    store, params = call.world.store, call.params
    customer, invoice = params.text("customer"), params.text("invoice")
    pending = params.boolean("pending") if params.has("pending") else None
    rows = store.where("invoiceitem", "customer", customer) if customer else None
    found = [
        row
        for row in (store.rows("invoiceitem") if rows is None else rows)
        if invoice in (None, row["invoice"]) and pending in (None, row["invoice"] is None)
    ]
    return listing(call, found, kind="invoiceitem")


@route("POST", "/v1/invoiceitems/{}")
def update_invoice_item(call: Call) -> Json:
    """Change an item that is not invoiced yet."""
    world, params = call.world, call.params
    entry = world.store.get("invoiceitem", call.id)
    world.follow_clock_of(entry)
    invoice = items.require_open_to_change(world, entry)
    if any(params.has(name) for name in _PRICED):
        if entry["proration"]:
            raise Refusal("The amount of a proration cannot be changed.", param="amount")
        amount = amount_of(world, params, currency=entry["currency"])
        entry.update(
            amount=amount.total,
            net_amount=amount.total,
            quantity=amount.quantity,
            quantity_decimal=str(amount.quantity),
            pricing=amount.pricing,
        )
    if params.has("description"):
        entry["description"] = params.text("description")
    if params.has("discountable"):
        entry["discountable"] = params.boolean("discountable")
    entry["metadata"] = merge_metadata(entry["metadata"], params)
    world.touch(entry)
    if invoice is not None:
        items.rewrite_line(world, invoice, entry)
    return entry


@route("DELETE", "/v1/invoiceitems/{}")
def delete_invoice_item(call: Call) -> Json:
    """Delete an item that is not invoiced yet."""
    world = call.world
    entry = world.store.get("invoiceitem", call.id)
    world.follow_clock_of(entry)
    invoice = items.require_open_to_change(world, entry)
    if invoice is not None:
        items.rewrite_line(world, invoice, entry, removed=True)
    world.store.remove("invoiceitem", call.id)
    world.emit("invoiceitem.deleted", entry)
    return {"id": call.id, "object": "invoiceitem", "deleted": True}


@route("POST", "/v1/invoices/{}/add_lines")
def add_invoice_lines(call: Call) -> Json:
    """Add lines to a draft: new ones, or items that wait."""
    world, params = call.world, call.params
    invoice = world.store.get("invoice", call.id)
    world.follow_clock_of(invoice)
    _draft(world, call.id)
    customer = world.store.get("customer", invoice["customer"])
    for given in params.each("lines"):
        waiting = given.text("invoice_item")
        if waiting is None:
            wish = item_wish(world, given, customer, currency=invoice["currency"])
            items.add_item(world, wish, invoice)
            continue
        entry = world.store.get("invoiceitem", waiting, param=given.name("invoice_item"))
        items.put_on(world, entry, invoice)
    invoice["metadata"] = _metadata(invoice["metadata"], params)
    world.touch(invoice)
    return invoice


def _metadata(current: Json, params: Params) -> Json:
    return merge_metadata(current, Params({"metadata": params.raw("invoice_metadata") or {}}))
