"""The customer portal: what runs, cancel it or keep it, and back."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import standing
from tests.simulators.stripe.pages.html import money, page
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World


def _subscription(row: Json) -> str:
    item = row["items"]["data"][0]
    price = item["price"]
    shown = money(price["unit_amount"], price["currency"])
    ends = row["cancel_at_period_end"]
    verb, label = ("keep", "Keep subscription") if ends else ("cancel", "Cancel subscription")
    state = "ends with the current period" if ends else row["status"]
    return (
        f"<p>{escape(shown)} / {price['recurring']['interval']}: {escape(state)}</p>"
        f'<form method="post"><input type="hidden" name="subscription" value="{row["id"]}">'
        f'<button class="quiet" name="do" value="{verb}">{label}</button></form>'
    )


def _invoice(row: Json) -> str:
    amount = money(row["amount_due"], row["currency"])
    return (
        f'<li><a href="/i/{row["id"]}">{escape(row["number"] or "draft")}</a>'
        f"<span>{amount}, {row['status']}</span></li>"
    )


async def show(world: World, request: Request, session_id: str) -> Response:
    """Show the portal, or do what was asked there."""
    body = await request.body()
    session = world.store.get("billing_portal.session", session_id)
    running = [
        row
        for row in world.store.where("subscription", "customer", session["customer"])
        if row["status"] not in standing.ENDED
    ]
    if request.method == "POST":
        given = decode_form(body.decode())
        for row in running:
            if row["id"] == given.get("subscription"):
                world.follow_clock_of(row)
                _set_cancellation(world, row, cancel=given.get("do") == "cancel")
        return RedirectResponse(f"/p/session/{session_id}", 303)
    invoices = list(world.store.where("invoice", "customer", session["customer"]))
    back = ""
    if session["return_url"]:
        back = f'<a class="back" href="{escape(session["return_url"])}">← Back</a>'
    shown = "".join(map(_subscription, running)) or "<p>Nothing is running.</p>"
    listed = "".join(map(_invoice, reversed(invoices)))
    text = (
        f'<main>{back}<div class="card"><h1>Your subscription</h1>{shown}<h1>Invoices</h1>'
        f'<ul class="items">{listed}</ul></div></main>'
    )
    return page("Billing portal", text)


def _set_cancellation(world: World, subscription: Json, *, cancel: bool) -> None:
    with world.change(subscription, standing.UPDATED):
        subscription["cancel_at_period_end"] = cancel
        subscription["cancel_at"] = standing.period_end(subscription) if cancel else None
        subscription["canceled_at"] = world.now() if cancel else None
