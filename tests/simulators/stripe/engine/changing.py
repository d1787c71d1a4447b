"""Changing items of a running subscription, and what the change costs for the rest of a period."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import bills, invoicing, lines, settling, waiting
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import next_end
from tests.simulators.stripe.world import World


@dataclass(frozen=True)
class Edit:
    """One item as it is (None: a new one) and as it is to be."""

    item: Json | None
    price: Json | None
    quantity: int
    deleted: bool = False


def change_items(
    world: World, subscription: Json, edits: list[Edit], *, proration: str, at: int | None
) -> None:
    """Apply edits; unless told otherwise, credit the old and charge the new for what is left."""
    moment = world.now() if at is None else at
    prorates = proration != "none" and subscription["status"] in ("active", "past_due")
    for edit in edits:
        if edit.item is not None and prorates:
            _prorate(world, subscription, edit.item, moment, credit=True)
        item = _apply(world, subscription, edit)
        if item is not None and prorates:
            _prorate(world, subscription, item, moment, credit=False)
    if not subscription["items"]["data"]:
        raise Refusal("A subscription must have at least one item.", param="items")


def _apply(world: World, subscription: Json, edit: Edit) -> Json | None:
    items: list[Json] = subscription["items"]["data"]
    if edit.deleted:
        if edit.item is not None:
            items.remove(edit.item)
        return None
    if edit.item is None:
        return _add(world, subscription, edit)
    item = edit.item
    item["quantity"] = edit.quantity
    if edit.price is not None and edit.price is not item["price"]:
        before = item["price"]["recurring"]
        item["price"], item["plan"] = edit.price, lines.plan_of(edit.price)
        after = edit.price["recurring"]
        if (before["interval"], before["interval_count"]) != (
            after["interval"],
            after["interval_count"],
        ):
            _restart(world, subscription, item)
    world.store.touch("subscription_item", item["id"])
    return item


def _restart(world: World, subscription: Json, item: Json) -> None:
    """Another interval begins now: the anchor moves, as at Stripe."""
    now = world.now()
    recurring = item["price"]["recurring"]
    subscription["billing_cycle_anchor"] = now
    item["current_period_start"] = now
    item["current_period_end"] = next_end(
        now, recurring["interval"], recurring["interval_count"], now
    )
    world.schedule(item["current_period_end"], "end_period", subscription["id"])


def _add(world: World, subscription: Json, edit: Edit) -> Json:
    if edit.price is None:
        raise Refusal("Missing required param: items[0][price].", param="items")
    now = world.now()
    recurring = edit.price["recurring"]
    end = next_end(
        subscription["billing_cycle_anchor"],
        recurring["interval"],
        recurring["interval_count"],
        now,
    )
    item = lines.make_item(
        world,
        subscription=subscription["id"],
        price=edit.price,
        quantity=edit.quantity,
        period=(now, end),
        metadata={},
    )
    world.store.put("subscription_item", item["id"], item)
    subscription["items"]["data"].append(item)
    subscription["items"]["total_count"] = len(subscription["items"]["data"])
    world.schedule(end, "end_period", subscription["id"])
    return item


def _prorate(world: World, subscription: Json, item: Json, moment: int, *, credit: bool) -> None:
    start, end = item["current_period_start"], item["current_period_end"]
    left = Decimal(max(end - max(moment, start), 0)) / Decimal(max(end - start, 1))
    full = lines.amount_of(item["price"], item["quantity"])
    share = int((full * left).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if item["price"]["recurring"]["usage_type"] == "metered" or share == 0:
        return
    product = world.store.get("product", item["price"]["product"])
    word = "Unused" if credit else "Remaining"
    amount = -share if credit else share
    entry = {
        "id": ids.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": item["price"]["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": world.now(),
        "description": f"{word} time on {item['quantity']} × {product['name']}",  # noqa: RUF001
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
        "period": {"end": end, "start": moment},
        "pricing": {
            "price_details": {
                "price": item["price"]["id"],
                "product": item["price"]["product"],
            },
            "type": "price_details",
            "unit_amount_decimal": item["price"]["unit_amount_decimal"],
        },
        "proration": True,
        "proration_details": {"discount_amounts": []},
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "tax_rates": [],
        "test_clock": subscription["test_clock"],
    }
    world.add(entry, "invoiceitem.created")


def bill_change(
    world: World, subscription: Json, *, always: bool, off_session: bool, behavior: str
) -> None:
    """Invoice a change at once: when asked, or when the interval changed."""
    now = world.now()
    restarted = [
        item
        for item in subscription["items"]["data"]
        if item["current_period_start"] == now and subscription["billing_cycle_anchor"] == now
    ]
    if subscription["status"] not in ("active", "past_due") or not (always or restarted):
        return
    # A restarted item's prorated charge already covers its whole new period.
    pending = waiting.lines_for(world, subscription)
    if not pending:
        return
    invoice = bills.make_invoice(
        world,
        customer=world.store.get("customer", subscription["customer"]),
        reason="subscription_update",
        lines=pending,
        period=(now, now),
        subscription=subscription,
    )
    with world.change(subscription, "customer.subscription.updated"):
        subscription["latest_invoice"] = invoice["id"]
    world.add(invoice, "invoice.created")
    waiting.claim_items(world, invoice)
    if subscription["collection_method"] == "send_invoice":
        due = now + world.settings["finalize_after_s"]
        world.schedule(due, "finalize_invoice", invoice["id"])
        return
    invoicing.finalize(world, invoice)
    if invoice["status"] == "open" and behavior != "default_incomplete":
        settling.collect(world, invoice, off_session=off_session)
