"""/v1/invoices."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    advancing,
    bills,
    coupons,
    invoicing,
    lines,
    standing,
    waiting,
)
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.resources.customers import live_customer, require_attached
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World


@route("POST", "/v1/invoices")
def create_invoice(call: Call) -> Json:
    """Draft an invoice by hand, over what waits if that is asked for."""
    world, params = call.world, call.params
    subscription = None
    if params.has("subscription"):
        subscription = world.store.get(
            "subscription", params.need("subscription"), param="subscription"
        )
    named = params.text("customer") or (subscription or {}).get("customer")
    if named is None:
        raise missing("customer")
    customer = live_customer(world, named, param="customer")
    included: list[Json] = []
    if subscription is not None:
        included = waiting.lines_for(world, subscription)
    elif params.text("pending_invoice_items_behavior") == "include":
        entries = waiting.entries_for(world, customer["id"])
        included = [lines.line_of_invoiceitem(entry) for entry in entries]
    currency = params.text("currency") or customer["currency"] or "usd"
    redemptions = redemptions_of(world, params, customer=customer, currency=currency)
    invoice = bills.make_invoice(
        world,
        customer=customer,
        reason="manual",
        lines=included,
        period=(world.now(), world.now()),
        subscription=subscription,
        currency=currency,
    )
    invoice["auto_advance"] = False
    if redemptions is not None:
        _put_on(world, invoice, redemptions)
    _assign(world, invoice, params)
    if invoice["collection_method"] == "send_invoice" and invoice["due_date"] is None:
        raise Refusal(
            "If invoice collection method is 'send_invoice', you must specify 'due_date' or "
            "'days_until_due'.",
            param="days_until_due",
        )
    bills.add(world, invoice)
    _plan_finalizing(world, invoice)
    return invoice


def _put_on(world: World, invoice: Json, redemptions: list[coupons.Redemption]) -> None:
    """Let an invoice have these discounts and no others."""
    invoice["discounts"] = [
        (row.kept or coupons.make_discount(world, row, invoice=invoice["id"]))["id"]
        for row in redemptions
    ]
    bills.reckon(world, invoice)


def _assign(world: World, invoice: Json, params: Params) -> None:
    for field in ("description", "footer", "number", "statement_descriptor", "collection_method"):
        if params.has(field):
            invoice[field] = params.text(field)
    if params.has("auto_advance"):
        invoice["auto_advance"] = params.boolean("auto_advance")
    if params.has("default_payment_method"):
        method = params.text("default_payment_method")
        if method is not None:
            require_attached(world, invoice["customer"], method, params, "default_payment_method")
        invoice["default_payment_method"] = method
    days = params.integer("days_until_due")
    if days is not None:
        invoice["due_date"] = world.now() + days * DAY
    if params.has("due_date"):
        invoice["due_date"] = params.integer("due_date")
    invoice["metadata"] = merge_metadata(invoice["metadata"], params)


def _plan_finalizing(world: World, invoice: Json) -> None:
    if invoice["auto_advance"] and invoice["status"] == "draft":
        due = world.now() + world.settings["finalize_after_s"]
        invoice["automatically_finalizes_at"] = due
        world.schedule(due, "finalize_invoice", invoice["id"])


@route("GET", "/v1/invoices/{}")
def get_invoice(call: Call) -> Json:
    """Return an invoice."""
    return call.world.store.get("invoice", call.id)


@route("GET", "/v1/invoices")
def list_invoices(call: Call) -> Json:
    """Return invoices by customer, subscription and status."""
    store, params = call.world.store, call.params
    customer, status = params.text("customer"), params.text("status")
    subscription = params.text("subscription")
    if subscription is not None:
        customer = store.get("subscription", subscription, param="subscription")["customer"]
    rows = store.where("invoice", "customer", customer) if customer else store.rows("invoice")
    found = [
        row
        for row in rows
        if status in (None, row["status"])
        and (
            subscription is None
            or (
                row["parent"] is not None
                and row["parent"]["subscription_details"]["subscription"] == subscription
            )
        )
    ]
    return listing(call, found, kind="invoice")


@route("GET", "/v1/invoices/{}/lines")
def list_invoice_lines(call: Call) -> Json:
    """Return the lines of an invoice."""
    invoice = call.world.store.get("invoice", call.id)
    return {**invoice["lines"], "url": call.path}


def _invoice_to_write(call: Call) -> Json:
    invoice = call.world.store.get("invoice", call.id)
    call.world.follow_clock_of(invoice)
    return invoice


# Afterwards only words can be changed.
_DRAFT_ONLY = ("collection_method", "days_until_due", "discounts", "due_date", "number")


@route("POST", "/v1/invoices/{}")
def update_invoice(call: Call) -> Json:
    """Change what may be changed of an invoice."""
    world, params = call.world, call.params
    invoice = _invoice_to_write(call)
    fixed = [name for name in _DRAFT_ONLY if params.has(name)]
    if fixed and invoice["status"] != "draft":
        raise Refusal(
            f"Finalized invoices can't be updated in this way: `{fixed[0]}` is only for drafts.",
            code="invoice_not_editable",
            param=fixed[0],
        )
    redemptions = redemptions_of(
        world,
        params,
        customer=world.store.get("customer", invoice["customer"]),
        currency=invoice["currency"],
        current=invoice["discounts"],
    )
    with world.change(invoice, "invoice.updated"):
        _assign(world, invoice, params)
        if redemptions is not None:
            _put_on(world, invoice, redemptions)
        if params.has("auto_advance"):
            _plan_finalizing(world, invoice)
    return invoice


@route("POST", "/v1/invoices/{}/finalize")
def finalize_invoice(call: Call) -> Json:
    """Open a draft; `auto_advance` lets it be charged by itself."""
    world = call.world
    invoice = _invoice_to_write(call)
    if call.params.has("auto_advance"):
        invoice["auto_advance"] = call.params.boolean("auto_advance")
    invoicing.finalize(world, invoice)
    automatic = invoice["collection_method"] == "charge_automatically"
    if invoice["status"] == "open" and invoice["auto_advance"] and automatic:
        with world.change(invoice, "invoice.updated"):
            invoice["next_payment_attempt"] = world.now() + world.settings["finalize_after_s"]
        world.schedule(invoice["next_payment_attempt"], "retry_invoice", invoice["id"])
    return invoice


@route("POST", "/v1/invoices/{}/send")
def send_invoice(call: Call) -> Json:
    """Send an invoice to be paid by its link; a draft is finalized first."""
    world = call.world
    invoice = _invoice_to_write(call)
    if invoice["collection_method"] != "send_invoice":
        raise Refusal(
            "You can only manually send an invoice if its collection method is 'send_invoice'."
        )
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
    if invoice["status"] not in ("open", "paid"):
        raise Refusal(f"You cannot send an invoice that is {invoice['status']}.")
    world.emit("invoice.sent", invoice)
    if invoice["status"] == "open" and invoice["due_date"] is not None:
        world.schedule(invoice["due_date"], "fall_overdue", invoice["id"])
    return invoice


@route("POST", "/v1/invoices/{}/void")
def void_invoice(call: Call) -> Json:
    """Void an open invoice."""
    invoice = _invoice_to_write(call)
    invoicing.void(call.world, invoice)
    return invoice


@route("POST", "/v1/invoices/{}/mark_uncollectible")
def mark_invoice_uncollectible(call: Call) -> Json:
    """Write an open invoice off."""
    world = call.world
    invoice = _invoice_to_write(call)
    if invoice["status"] != "open":
        raise Refusal("You can only mark open invoices as uncollectible.")
    advancing.mark_uncollectible(world, invoice)
    return invoice


@route("DELETE", "/v1/invoices/{}")
def delete_invoice(call: Call) -> Json:
    """Delete a draft that belongs to no subscription."""
    invoice = call.world.store.get("invoice", call.id)
    if invoice["status"] != "draft" or standing.subscription_of(call.world, invoice) is not None:
        raise Refusal("You can only delete draft invoices.", code="invoice_not_editable")
    for entry in call.world.store.where("invoiceitem", "customer", invoice["customer"]):
        if entry["invoice"] == call.id:
            entry["invoice"] = None
            call.world.touch(entry)
    call.world.store.remove("invoice", call.id)
    call.world.emit("invoice.deleted", invoice)
    return {"id": call.id, "object": "invoice", "deleted": True}
