"""/v1/invoices and /v1/invoice_payments."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    bills,
    cardholding,
    invoicing,
    lines,
    settling,
    standing,
    waiting,
)
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata


@route("POST", "/v1/invoices")
def create_invoice(call: Call) -> Json:
    """Draft an invoice over the customer's waiting invoice items."""
    world, params = call.world, call.params
    customer = live_customer(world, params.need("customer"), param="customer")
    entries = waiting.entries_for(world, customer["id"])
    included = params.text("pending_invoice_items_behavior") == "include"
    invoice = bills.make_invoice(
        world,
        customer=customer,
        reason="manual",
        lines=[lines.line_of_invoiceitem(entry) for entry in entries] if included else [],
        period=(world.now(), world.now()),
        currency=params.text("currency") or customer["currency"] or "usd",
    )
    invoice["auto_advance"] = params.boolean("auto_advance")
    invoice["collection_method"] = params.text("collection_method") or "charge_automatically"
    invoice["description"] = params.text("description")
    invoice["metadata"] = merge_metadata({}, params)
    bills.add(world, invoice)
    if invoice["auto_advance"]:
        due = world.now() + world.settings["finalize_after_s"]
        invoice["automatically_finalizes_at"] = due
        world.schedule(due, "finalize_invoice", invoice["id"])
    return invoice


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


@route("POST", "/v1/invoices/{}")
def update_invoice(call: Call) -> Json:
    """Change what may be changed of an invoice."""
    invoice = _invoice_to_write(call)
    params = call.params
    with call.world.change(invoice, "invoice.updated"):
        for field in ("description", "footer"):
            if params.has(field):
                invoice[field] = params.text(field)
        if params.has("auto_advance"):
            invoice["auto_advance"] = params.boolean("auto_advance")
        invoice["metadata"] = merge_metadata(invoice["metadata"], params)
    return invoice


@route("POST", "/v1/invoices/{}/finalize")
def finalize_invoice(call: Call) -> Json:
    """Open a draft."""
    invoice = _invoice_to_write(call)
    invoicing.finalize(call.world, invoice)
    return invoice


def _require_payable(invoice: Json) -> None:
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refusal("Invoices with status `void` cannot be paid.", code="invoice_not_editable")


@route("POST", "/v1/invoices/{}/pay")
def pay_invoice(call: Call) -> Json:
    """Charge an invoice now, with a given card or the default one."""
    world = call.world
    invoice = _invoice_to_write(call)
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
        if invoice["status"] == "paid":
            return invoice
    _require_payable(invoice)
    if call.params.boolean("paid_out_of_band"):
        invoicing.mark_paid(world, invoice, out_of_band=True)
        return invoice
    return _charge(call, invoice)


def _charge(call: Call, invoice: Json) -> Json:
    world, params = call.world, call.params
    method_id = params.text("payment_method")
    if method_id is not None:
        method = cardholding.resolve(world, method_id, param="payment_method")
        method_id = method["id"]
        if method["customer"] is None:
            cardholding.attach(world, method, invoice["customer"])
    decline = settling.collect(
        world, invoice, off_session=params.boolean("off_session"), payment_method=method_id
    )
    if decline is settling.NO_METHOD:
        raise Refusal(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set "
            "either one of these fields before paying the invoice.",
            code="resource_missing",
        )
    if decline is not None:
        raise cardholding.refuse(decline, payment_intent=invoicing.intent_of(world, invoice))
    if invoice["status"] != "paid":
        raise Refusal(
            "This payment requires additional user action before it can be completed "
            "successfully. Payment can be completed using the PaymentIntent associated with "
            "this invoice.",
            status=402,
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            extra={"payment_intent": invoicing.intent_of(world, invoice)},
        )
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
    with world.change(invoice, "invoice.updated"):
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["marked_uncollectible_at"] = world.now()
    world.emit("invoice.marked_uncollectible", invoice)
    return invoice


@route("DELETE", "/v1/invoices/{}")
def delete_invoice(call: Call) -> Json:
    """Delete a draft that belongs to no subscription."""
    invoice = call.world.store.get("invoice", call.id)
    if invoice["status"] != "draft" or standing.subscription_of(call.world, invoice) is not None:
        raise Refusal("You can only delete draft invoices.", code="invoice_not_editable")
    call.world.store.remove("invoice", call.id)
    call.world.emit("invoice.deleted", invoice)
    return {"id": call.id, "object": "invoice", "deleted": True}


@route("GET", "/v1/invoice_payments/{}")
def get_invoice_payment(call: Call) -> Json:
    """Return a payment of an invoice."""
    return call.world.store.get("invoice_payment", call.id)


@route("GET", "/v1/invoice_payments")
def list_invoice_payments(call: Call) -> Json:
    """Return payments by invoice, PaymentIntent and status."""
    store, params = call.world.store, call.params
    invoice, status = params.text("invoice"), params.text("status")
    intent = params.inside("payment").text("payment_intent")
    params.inside("payment").text("type")
    if intent is not None:
        rows = list(store.where("invoice_payment", "intent", intent))
    elif invoice is not None:
        rows = list(store.where("invoice_payment", "invoice", invoice))
    else:
        rows = list(store.rows("invoice_payment"))
    found = [
        row for row in rows if status in (None, row["status"]) and invoice in (None, row["invoice"])
    ]
    return listing(call, found, kind="invoice_payment")
