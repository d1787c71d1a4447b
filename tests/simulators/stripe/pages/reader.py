"""A reader as the person in front of it sees it: an amount, and what can be done about it."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import at_reader, readers
from tests.simulators.stripe.engine.in_person import Presented
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.html import alert, minor, money, notice, page
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World

_BUTTONS = (
    ("tap", "Tap card", "primary"),
    ("insert", "Insert card and enter PIN", "quiet"),
    ("decline", "Tap a card that is declined", "quiet"),
    ("cancel", "Cancel", "quiet"),
)
_NOTE = '<p class="note">A simulated reader for test cards. No money moves.</p>'


async def show_all(world: World, _request: Request, _name: str) -> Response:
    """List the readers."""
    rows = "".join(
        f'<li><a href="/terminal/readers/{row["id"]}">{escape(row["label"] or row["id"])}</a>'
        f"<span>{row['status']}</span></li>"
        for row in world.store.rows(readers.KIND)
    )
    body = (
        f'<main><section class="card"><h1>Readers</h1><ul class="items">{rows}</ul></section>'
        f"{_NOTE}</main>"
    )
    return page("Readers", body)


async def show(world: World, request: Request, reader_id: str) -> Response:
    """Show what a reader asks for, or do what was pressed."""
    given = decode_form((await request.body()).decode())
    reader = world.store.get(readers.KIND, reader_id)
    if request.method == "GET":
        return _shown(world, reader)
    problem = _done(world, reader, str(given.get("do", "")), str(given.get("tip") or "0"))
    if problem is None:
        return RedirectResponse(f"/terminal/readers/{reader_id}", 303)
    return _shown(world, reader, problem)


def _done(world: World, reader: Json, deed: str, tip: str) -> str | None:
    """Do what was pressed; say why that can't be done."""
    if deed not in {name for name, *_ in _BUTTONS}:
        return "Press one of the buttons."
    intent = readers.intent_of(world, reader)
    amount = minor(tip, intent["currency"]) if intent else 0
    if amount is None:
        return "Enter the tip as an amount, such as 2.00."
    try:
        at_reader.act(world, reader, deed, Presented(tip=amount))
    except Refusal as refusal:
        return refusal.message
    return None


def _shown(world: World, reader: Json, problem: str | None = None) -> Response:
    name = escape(reader["label"] or reader["id"])
    body = (
        f'<main><section class="card"><h1>{name}</h1><p class="note">{_state(reader)}</p>'
        f"{alert(problem)}{_screen(world, reader)}"
        f'<p><a href="/terminal/readers/{reader["id"]}">Look again</a></p></section>{_NOTE}</main>'
    )
    return page(f"Reader {reader['label'] or reader['id']}", body, status=402 if problem else 200)


def _state(reader: Json) -> str:
    return f"{escape(reader['device_type'])}, {reader['status']}"


def _screen(world: World, reader: Json) -> str:
    intent = readers.intent_of(world, reader)
    if reader["status"] != "online":
        return "<p>This reader is switched off.</p>"
    if readers.state_of(world, reader)["authorizing"]:
        return "<p>Asking the bank …</p>"
    if intent is None:
        return f"{_outcome(world, reader)}<p>Waits for the till.</p>"
    tip = (
        '<div><label for="tip">Tip (optional)</label>'
        '<input id="tip" name="tip" inputmode="decimal" autocomplete="off" placeholder="0.00">'
        "</div>"
        if readers.asks_for_tip(reader)
        else ""
    )
    buttons = "".join(
        f'<button class="{look}" name="do" value="{deed}">{label}</button>'
        for deed, label, look in _BUTTONS
    )
    return (
        f'<p class="total">{money(intent["amount"], intent["currency"])}</p>'
        f'<form method="post" action="/terminal/readers/{reader["id"]}">{tip}{buttons}</form>'
    )


def _outcome(world: World, reader: Json) -> str:
    """Say how the last payment ended, as the screen of a reader does."""
    action = reader["action"]
    if action is None or "process_payment_intent" not in action:
        return ""
    if action["status"] == "failed":
        canceled = action["failure_code"] == "customer_canceled"
        return alert("Canceled." if canceled else action["failure_message"])
    taken = action["process_payment_intent"]["payment_intent"]
    intent = world.store.find("payment_intent", taken)
    return notice(f"Approved: {money(intent['amount'], intent['currency'])}" if intent else "")
