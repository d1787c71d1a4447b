"""Credit notes: what is taken back of a finalized invoice, and where the money goes."""

from dataclasses import dataclass, field

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import balances, invoicing, refunding
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World


@dataclass(frozen=True)
class NoteWish:
    """A credit note as it is asked for."""

    lines: list[Json]
    credit: int = 0
    refund: int = 0
    out_of_band: int = 0
    reason: str | None = None
    memo: str | None = None
    metadata: Json = field(default_factory=dict)


def make_line(*, amount: int, description: str | None, quantity: int, source: str | None) -> Json:
    """Return a line of a credit note, of an invoice's line or of its own."""
    return {
        "id": ids.new_id("credit_note_line_item"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": source,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item" if source is None else "invoice_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def issued(world: World, invoice: Json) -> list[Json]:
    """Return the credit notes of an invoice that hold."""
    found = world.store.where("credit_note", "invoice", invoice["id"])
    return [row for row in found if row["status"] == "issued"]


def issue(world: World, invoice: Json, wish: NoteWish) -> Json:
    """Issue a credit note: an open invoice is lowered, a paid one given back."""
    if invoice["status"] not in ("open", "paid"):
        raise Refusal(
            "You can only create credit notes for open or paid invoices. This invoice is "
            f"{invoice['status']}.",
            param="invoice",
        )
    amount = sum(line["amount"] for line in wish.lines)
    paid = invoice["status"] == "paid"
    _refuse_sum(world, invoice, wish, amount, paid=paid)
    note = _make(world, invoice, wish, amount, paid=paid)
    if paid:
        _give_back(world, invoice, note, wish)
    world.add(note, "credit_note.created")
    with world.change(invoice, "invoice.updated"):
        if paid:
            invoice["post_payment_credit_notes_amount"] += amount
        else:
            invoice["pre_payment_credit_notes_amount"] += amount
    if not paid:
        _lower(world, invoice, amount)
    return note


def _refuse_sum(world: World, invoice: Json, wish: NoteWish, amount: int, *, paid: bool) -> None:
    before = sum(row["amount"] for row in issued(world, invoice))
    left = (invoice["total"] if paid else invoice["amount_remaining"] + before) - before
    if not 1 <= amount <= left:
        raise Refusal(
            f"The credit note amount (${amount / 100:.2f}) must be more than nothing and at most "
            f"what is left of the invoice (${left / 100:.2f}).",
            param="amount",
        )
    settled = wish.credit + wish.refund + wish.out_of_band
    if paid and settled != amount:
        raise Refusal(
            "The sum of credit amount, refund amount and out of band amount "
            f"(${settled / 100:.2f}) must equal the credit note amount (${amount / 100:.2f}).",
        )
    if not paid and settled:
        raise Refusal(
            "Nothing was paid yet: a credit note of an open invoice only lowers what is due.",
            param="refund_amount",
        )


def _make(world: World, invoice: Json, wish: NoteWish, amount: int, *, paid: bool) -> Json:
    note_id = ids.new_id("credit_note")
    count = len(list(world.store.where("credit_note", "invoice", invoice["id"]))) + 1
    return {
        "id": note_id,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": world.now(),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": world.now(),
        "invoice": invoice["id"],
        "lines": {
            "object": "list",
            "data": wish.lines,
            "has_more": False,
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        "livemode": False,
        "memo": wish.memo,
        "metadata": wish.metadata,
        "number": f"{invoice['number']}-CN-{count:02d}",
        "out_of_band_amount": wish.out_of_band or None,
        "pdf": f"{world.public_url}/credit_notes/{note_id}/pdf",
        "post_payment_amount": amount if paid else 0,
        "pre_payment_amount": 0 if paid else amount,
        "pretax_credit_amounts": [],
        "reason": wish.reason,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "post_payment" if paid else "pre_payment",
        "voided_at": None,
    }


def _give_back(world: World, invoice: Json, note: Json, wish: NoteWish) -> None:
    if wish.refund:
        charge = _charge_of(world, invoice)
        refund = refunding.refund(world, charge, wish.refund)
        note["refunds"] = [
            {
                "amount_refunded": wish.refund,
                "payment_record_refund": None,
                "refund": refund["id"],
                "type": "refund",
            }
        ]
    if wish.credit:
        moved = balances.move(
            world,
            invoice["customer"],
            -wish.credit,
            "credit_note",
            invoice=invoice,
            details={"credit_note": note["id"]},
        )
        note["customer_balance_transaction"] = moved["id"]


def _charge_of(world: World, invoice: Json) -> Json:
    for payment in reversed(invoicing.payments_of(world, invoice)):
        intent_id = payment["payment"].get("payment_intent")
        intent = world.store.find("payment_intent", intent_id) if intent_id else None
        if payment["status"] == "paid" and intent is not None:
            return world.store.get("charge", intent["latest_charge"])
    raise Refusal("There is no charge of this invoice to refund.", param="refund_amount")


def _lower(world: World, invoice: Json, amount: int) -> None:
    """Ask for less (or, when a note is voided, again for more) on an open invoice."""
    with world.change(invoice, "invoice.updated"):
        invoice["amount_remaining"] -= amount
        invoice["amount_due"] -= amount
    intent = invoicing.intent_of(world, invoice)
    if intent is not None and invoice["amount_remaining"] > 0:
        intent["amount"] = invoice["amount_remaining"]
        world.touch(intent)
        for payment in invoicing.payments_of(world, invoice):
            if payment["status"] == "open":
                payment["amount_requested"] = invoice["amount_remaining"]
                world.touch(payment)
    if invoice["amount_remaining"] == 0:
        invoicing.cancel_intents(world, invoice, "void_invoice")
        invoicing.mark_paid(world, invoice)


def void(world: World, note: Json) -> None:
    """Void a credit note of an invoice that is still open."""
    invoice = world.store.get("invoice", note["invoice"])
    if note["status"] == "void":
        raise Refusal("This credit note is already void.")
    if invoice["status"] != "open":
        raise Refusal("You can only void a credit note of an open invoice.")
    with world.change(note, "credit_note.updated"):
        note["status"], note["voided_at"] = "void", world.now()
    world.emit("credit_note.voided", note)
    with world.change(invoice, "invoice.updated"):
        invoice["pre_payment_credit_notes_amount"] -= note["amount"]
    _lower(world, invoice, -note["amount"])
