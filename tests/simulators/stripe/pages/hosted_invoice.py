"""The hosted invoice: what is owed, paid by card, and the same as a PDF."""

from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import invoicing, settling
from tests.simulators.stripe.engine.charging import Attempt
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.cards import card_fields, card_from_form
from tests.simulators.stripe.pages.html import alert, day, money, notice, page
from tests.simulators.stripe.pages.pdf import Line, document
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World

_STATES = {
    "open": "To be paid",
    "paid": "Paid",
    "void": "Void",
    "uncollectible": "Written off",
}


def _invoice(world: World, invoice_id: str) -> Json:
    """Return a finalized invoice: a draft has no page."""
    invoice = world.store.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        raise Refusal("A draft has no page.", status=404)
    customer = world.store.find("customer", invoice["customer"])
    if customer is not None:
        world.follow_clock_of(customer)
    return invoice


def _sums(invoice: Json) -> list[tuple[str, str]]:
    """Return how the lines add up, leaving out what is not there."""
    currency = invoice["currency"]
    discount = sum(part["amount"] for part in invoice.get("total_discount_amounts") or [])
    tax = sum(part["amount"] for part in invoice.get("total_taxes") or [])
    credit = (invoice.get("starting_balance") or 0) - (invoice.get("ending_balance") or 0)
    parts = [
        ("Subtotal", invoice["subtotal"], bool(discount or tax)),
        ("Discount", -discount, bool(discount)),
        ("Tax", tax, bool(tax)),
        ("Total", invoice["total"], True),
        ("Applied balance", credit, bool(credit)),
        ("Amount due", invoice["amount_due"], invoice["amount_due"] != invoice["total"]),
        ("Amount paid", invoice["amount_paid"], invoice["status"] == "paid"),
    ]
    return [(label, money(amount, currency)) for label, amount, there in parts if there]


def _rows(entries: list[tuple[str, str]]) -> str:
    return "".join(
        f"<li><span>{escape(left)}</span><span>{escape(right)}</span></li>"
        for left, right in entries
    )


def _lines(invoice: Json) -> list[tuple[str, str]]:
    return [
        (line["description"] or "Item", money(line["amount"], line["currency"]))
        for line in invoice["lines"]["data"]
    ]


async def show(world: World, request: Request, invoice_id: str) -> Response:
    """Show an invoice, or take the card for one that is open."""
    body = await request.body()
    invoice = _invoice(world, invoice_id)
    if request.method == "GET":
        return _shown(invoice, {}, None)
    given = {name: str(value) for name, value in decode_form(body.decode()).items()}
    intent = invoicing.intent_of(world, invoice)
    if invoice["status"] != "open" or intent is None:
        return RedirectResponse(f"/i/{invoice_id}", 303)
    try:
        method = card_from_form(world, {"email": invoice["customer_email"] or "", **given})
    except Refusal as refusal:
        return _shown(invoice, given, refusal.message)
    back = f"{world.public_url}/i/{invoice_id}/return"
    decline = settling.confirm(world, intent, Attempt(method["id"], return_url=back))
    if decline is not None:
        return _shown(invoice, given, decline.message)
    if intent["status"] == "requires_action":
        return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
    return RedirectResponse(f"/i/{invoice_id}?paid=now", 303)


async def come_back(world: World, _request: Request, invoice_id: str) -> Response:
    """Go on after the challenge: it is paid, or another card is asked for."""
    invoice = _invoice(world, invoice_id)
    if invoice["status"] == "paid":
        return RedirectResponse(f"/i/{invoice_id}?paid=now", 303)
    error = (invoicing.intent_of(world, invoice) or {}).get("last_payment_error") or {}
    return _shown(invoice, {}, error.get("message", "The payment did not go through."))


def _shown(invoice: Json, given: Mapping[str, str], problem: str | None) -> Response:
    number = escape(invoice["number"])
    due = money(invoice["amount_remaining"], invoice["currency"])
    state = f"{_STATES[invoice['status']]}, {day(invoice['created'])}"
    if invoice["status"] == "open" and invoice["due_date"] is not None:
        state = f"Due on {day(invoice['due_date'])}"
    total = due if invoice["status"] == "open" else money(invoice["total"], invoice["currency"])
    pay = ""
    if invoice["status"] == "open":
        pay = (
            f'<section class="card"><h2>Pay by card</h2>{alert(problem)}'
            f'<form method="post" action="/i/{invoice["id"]}" autocomplete="on">'
            f'<div class="grid">{card_fields(given)}</div>'
            f'<button class="primary">Pay {due}</button></form></section>'
        )
    thanks = notice("Paid. Thank you!" if invoice["status"] == "paid" else "")
    body = (
        f'<main><section class="card"><h1>Invoice {number}</h1>{thanks}'
        f'<p class="note">{escape(state)}</p><p class="total">{total}</p>'
        f'<ul class="items">{_rows(_lines(invoice))}</ul>'
        f'<ul class="items sums">{_rows(_sums(invoice))}</ul>'
        f'<p><a href="/i/{invoice["id"]}/pdf">Download PDF</a></p></section>{pay}'
        '<p class="note">A simulated page for test cards. No money moves.</p></main>'
    )
    return page(f"Invoice {invoice['number']}", body, status=402 if problem else 200)


async def pdf(world: World, _request: Request, invoice_id: str) -> Response:
    """Answer with the invoice as a file."""
    invoice = _invoice(world, invoice_id)
    title = f"Invoice {invoice['number']}"
    heads = [
        Line(title, bold=True),
        Line(f"{_STATES[invoice['status']]}, {day(invoice['created'])}"),
        Line(invoice["customer_name"] or ""),
        Line(invoice["customer_email"] or ""),
        Line(""),
    ]
    lines = [Line(left, right) for left, right in _lines(invoice)]
    sums = [Line(left, right, bold=True) for left, right in _sums(invoice)]
    name = f'inline; filename="Invoice-{invoice["number"]}.pdf"'
    return Response(
        document(title, [*heads, *lines, Line(""), *sums]),
        media_type="application/pdf",
        headers={"content-disposition": name, "cache-control": "no-store"},
    )


async def receipt(world: World, _request: Request, charge_id: str) -> Response:
    """Show the receipt of a charge that was paid."""
    charge = world.store.get("charge", charge_id)
    if not charge["paid"]:
        raise Refusal("A failed charge has no receipt.", status=404)
    details = charge["payment_method_details"]
    card = details[details["type"]]
    parts = [
        ("Date", day(charge["created"])),
        ("Paid with", f"{str(card['brand']).capitalize()} ending in {card['last4']}"),
        ("Amount", money(charge["amount"], charge["currency"])),
    ]
    if charge["amount_refunded"]:
        parts.append(("Refunded", money(charge["amount_refunded"], charge["currency"])))
    what = escape(charge["description"] or "Payment")
    body = (
        f'<main><section class="card"><h1>Receipt</h1><p class="note">{what}</p>'
        f'<ul class="items">{_rows(parts)}</ul></section></main>'
    )
    return page("Receipt", body)
