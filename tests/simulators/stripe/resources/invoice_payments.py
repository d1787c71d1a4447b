"""Paying invoices, and /v1/invoice_payments: what they were, or are to be, paid with."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import cardholding, invoicing, settling
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.routing import Call, listing, route


def _require_payable(invoice: Json) -> None:
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refusal("Invoices with status `void` cannot be paid.", code="invoice_not_editable")


@route("POST", "/v1/invoices/{}/pay")
def pay_invoice(call: Call) -> Json:
    """Charge an invoice now, with a given card or the default one."""
    world = call.world
    invoice = world.store.get("invoice", call.id)
    world.follow_clock_of(invoice)
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
