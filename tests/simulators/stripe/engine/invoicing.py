"""Invoices: drafted, finalized with a PaymentIntent, paid, voided."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import balances, cardholding, intents, pending, standing
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.world import World

_DESCRIPTIONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}


def payments_of(world: World, invoice: Json) -> list[Json]:
    """Return the payments of an invoice, oldest first."""
    return list(world.store.where("invoice_payment", "invoice", invoice["id"]))


def intent_of(world: World, invoice: Json) -> Json | None:
    """Return the PaymentIntent an open invoice is to be paid with."""
    for payment in reversed(payments_of(world, invoice)):
        if payment["payment"]["type"] == "payment_intent":
            return world.store.find("payment_intent", payment["payment"]["payment_intent"])
    return None


@includable("invoice", "payments")
def _payments(world: World, invoice: Json) -> object:
    return {
        "object": "list",
        "data": payments_of(world, invoice),
        "has_more": False,
        "total_count": len(payments_of(world, invoice)),
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
    }


@includable("invoice", "confirmation_secret")
def _confirmation_secret(world: World, invoice: Json) -> object:
    intent = intent_of(world, invoice)
    if intent is None or intent["status"] == "canceled":
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def finalize(world: World, invoice: Json, *, is_waived: bool = False) -> None:
    """Open a draft: it gets its number and a PaymentIntent, or is paid when nothing is due.

    `is_waived`: it stays open even then, to be voided.
    """
    if invoice["status"] != "draft":
        raise Refusal(
            f"This invoice is already finalized, you can't finalize a {invoice['status']} invoice.",
            code="invoice_not_editable",
        )
    customer = world.store.get("customer", invoice["customer"])
    now = world.now()
    with world.change(invoice, "invoice.finalized"):
        balances.settle(world, invoice)
        invoice["status"] = "open"
        invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        invoice["effective_at"] = now
        invoice["automatically_finalizes_at"] = None
        invoice["status_transitions"]["finalized_at"] = now
        page = f"{world.public_url}/i/{invoice['id']}"
        invoice["hosted_invoice_url"], invoice["invoice_pdf"] = page, f"{page}/pdf"
        if invoice["collection_method"] == "charge_automatically":
            invoice["next_payment_attempt"] = None
        if invoice["amount_due"] > 0:
            _open_payment(world, invoice)
    customer["next_invoice_sequence"] += 1
    world.touch(customer)
    if invoice["amount_due"] <= 0 and not is_waived:
        mark_paid(world, invoice)


def _open_payment(world: World, invoice: Json) -> None:
    subscription = standing.subscription_of(world, invoice)
    automatic = invoice["collection_method"] == "charge_automatically"
    intent = intents.make_payment_intent(
        world,
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        setup_future_usage="off_session" if subscription is not None and automatic else None,
        description=_DESCRIPTIONS.get(invoice["billing_reason"], "Payment for Invoice"),
    )
    own = invoice["default_payment_method"] or (
        subscription["default_payment_method"] if subscription is not None else None
    )
    method = cardholding.default_of(world, invoice["customer"], own)
    if method is not None and automatic:
        intent["payment_method"], intent["status"] = method, "requires_confirmation"
    world.add(intent, "payment_intent.created")
    world.add(
        {
            "id": ids.new_id("invoice_payment"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_remaining"],
            "created": world.now(),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def mark_paid(world: World, invoice: Json, *, out_of_band: bool = False) -> None:
    """Settle an invoice and let its subscription follow."""
    now = world.now()
    with world.change(invoice, "invoice.updated"):
        invoice["status"] = "paid"
        invoice["attempted"] = True
        invoice["next_payment_attempt"] = None
        invoice["amount_paid"] = 0 if out_of_band else max(invoice["amount_due"], 0)
        invoice["amount_paid_off_stripe"] = invoice["amount_due"] if out_of_band else 0
        invoice["amount_remaining"] = 0
        invoice["status_transitions"]["paid_at"] = now
    for payment in payments_of(world, invoice):
        if payment["status"] != "open":
            continue
        if out_of_band:
            _cancel_payment(world, payment, "void_invoice")
            continue
        payment["status"] = "paid"
        payment["amount_paid"] = payment["amount_requested"]
        payment["status_transitions"]["paid_at"] = now
        world.touch(payment)
        world.emit("invoice_payment.paid", payment)
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    waits = pending.of_invoice(world, invoice)
    if waits is not None:
        pending.apply(world, waits)
    standing.follow_paid(world, invoice)


def _cancel_payment(world: World, payment: Json, reason: str) -> None:
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = world.now()
    world.touch(payment)
    intent = world.store.get("payment_intent", payment["payment"]["payment_intent"])
    if intent["status"] not in ("succeeded", "canceled"):
        intent.update(
            status="canceled",
            canceled_at=world.now(),
            cancellation_reason=reason,
            next_action=None,
        )
        world.touch(intent)
        world.emit("payment_intent.canceled", intent)


def cancel_intents(world: World, invoice: Json, reason: str) -> None:
    """Cancel what an invoice could still be paid with."""
    for payment in payments_of(world, invoice):
        if payment["status"] == "open":
            _cancel_payment(world, payment, reason)


def void(world: World, invoice: Json) -> None:
    """Void an invoice; without its first invoice an incomplete subscription expires."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refusal(
            f"You can only pass in open or uncollectible invoices. This invoice is "
            f"{invoice['status']}.",
            code="invoice_not_editable",
        )
    with world.change(invoice, "invoice.updated"):
        invoice["status"] = "void"
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        invoice["status_transitions"]["voided_at"] = world.now()
    balances.give_back(world, invoice)
    cancel_intents(world, invoice, "void_invoice")
    world.emit("invoice.voided", invoice)
    waits = pending.of_invoice(world, invoice)
    if waits is not None:
        pending.drop(world, waits)
    subscription = standing.subscription_of(world, invoice)
    if (
        subscription is not None
        and subscription["status"] == "incomplete"
        and subscription["latest_invoice"] == invoice["id"]
    ):
        standing.end(world, subscription, reason=None, status="incomplete_expired")
