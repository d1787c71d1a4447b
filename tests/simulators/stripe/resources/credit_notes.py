"""/v1/credit_notes."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import crediting
from tests.simulators.stripe.engine.crediting import NoteWish
from tests.simulators.stripe.engine.rehearsing import Rehearsal
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_KIND = "credit_note"


def _line(invoice: Json, params: Params) -> Json:
    kind = params.choice("type", ("custom_line_item", "invoice_line_item"), "")
    quantity = params.integer("quantity") or 1
    if kind == "custom_line_item":
        amount = params.integer("amount")
        unit = params.integer("unit_amount")
        if amount is None and unit is None:
            raise missing(params.name("unit_amount"))
        return crediting.make_line(
            amount=(unit or 0) * quantity if amount is None else amount,
            description=params.text("description"),
            quantity=quantity,
            source=None,
        )
    named = params.need("invoice_line_item")
    line = next((row for row in invoice["lines"]["data"] if row["id"] == named), None)
    if line is None:
        raise Refusal(
            f"No such invoice line item: '{named}'",
            code="resource_missing",
            param=params.name("invoice_line_item"),
        )
    amount = params.integer("amount")
    if amount is None:
        net = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
        amount = net * quantity // max(line["quantity"], 1) if params.has("quantity") else net
    return crediting.make_line(
        amount=amount, description=line["description"], quantity=quantity, source=named
    )


def _issue(world: World, params: Params) -> Json:
    invoice = world.store.get("invoice", params.need("invoice"), param="invoice")
    world.follow_clock_of(invoice)
    found = [_line(invoice, line) for line in params.each("lines")]
    amount = params.integer("amount")
    if amount is not None and not found:
        found = [crediting.make_line(amount=amount, description=None, quantity=1, source=None)]
    if not found:
        raise missing("amount")
    return crediting.issue(
        world,
        invoice,
        NoteWish(
            lines=found,
            credit=params.integer("credit_amount") or 0,
            refund=params.integer("refund_amount") or 0,
            out_of_band=params.integer("out_of_band_amount") or 0,
            reason=params.text("reason"),
            memo=params.text("memo"),
            metadata=merge_metadata({}, params),
        ),
    )


@route("POST", "/v1/credit_notes")
def create_credit_note(call: Call) -> Json:
    """Take an amount of an invoice back."""
    return _issue(call.world, call.params)


@route("GET", "/v1/credit_notes/preview")
def preview_credit_note(call: Call) -> Json:
    """Return a credit note as it would be."""
    return _issue(Rehearsal(call.world), call.params)


@route("GET", "/v1/credit_notes/{}")
def get_credit_note(call: Call) -> Json:
    """Return a credit note."""
    return call.world.store.get(_KIND, call.id)


@route("GET", "/v1/credit_notes")
def list_credit_notes(call: Call) -> Json:
    """Return credit notes, by invoice and by customer."""
    store, params = call.world.store, call.params
    invoice, customer = params.text("invoice"), params.text("customer")
    rows = store.where(_KIND, "invoice", invoice) if invoice else store.rows(_KIND)
    found = [row for row in rows if customer in (None, row["customer"])]
    return listing(call, found, kind=_KIND)


@route("GET", "/v1/credit_notes/{}/lines")
def list_credit_note_lines(call: Call) -> Json:
    """Return the lines of a credit note."""
    return {**call.world.store.get(_KIND, call.id)["lines"], "url": call.path}


@route("POST", "/v1/credit_notes/{}")
def update_credit_note(call: Call) -> Json:
    """Change the words of a credit note."""
    note = call.world.store.get(_KIND, call.id)
    with call.world.change(note, "credit_note.updated"):
        if call.params.has("memo"):
            note["memo"] = call.params.text("memo")
        note["metadata"] = merge_metadata(note["metadata"], call.params)
    return note


@route("POST", "/v1/credit_notes/{}/void")
def void_credit_note(call: Call) -> Json:
    """Void a credit note."""
    note = call.world.store.get(_KIND, call.id)
    call.world.follow_clock_of(call.world.store.get("invoice", note["invoice"]))
    crediting.void(call.world, note)
    return note
