"""The hosted checkout page: works without script, on any screen, with a keyboard.

Embedded in a page of the shop it is the same page in an iframe; there only who knows the client
secret of the session gets in, and a script tells the page around it when the session is complete.
"""

from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.cards import card_fields, card_from_form
from tests.simulators.stripe.pages.html import alert, field, link_back, money, page
from tests.simulators.stripe.resources.checkout_completion import submit
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World


def _session(world: World, session_id: str) -> Json:
    session = world.store.get("checkout.session", session_id)
    if session["ui_mode"] not in ("hosted_page", "embedded_page"):
        raise Refusal("This session has no page of its own.", status=404)
    customer = world.store.find("customer", session["customer"] or "")
    if customer is not None:
        world.follow_clock_of(customer)
    return session


def _let_in(world: World, session: Json, request: Request) -> None:
    """Ask an embedding page for the client secret, and remember who is to be told."""
    if session["ui_mode"] == "hosted_page":
        return
    if request.query_params.get("client_secret") != session["client_secret"]:
        raise Refusal("The client secret does not fit.", status=404)
    world.store.get("_checkout", session["id"])["parent"] = request.query_params.get("parent", "")
    world.store.touch("_checkout", session["id"])


def _framed(world: World, session: Json) -> dict[str, str]:
    """Return what the script of an embedded page has to know; a hosted one has no script."""
    if session["ui_mode"] == "hosted_page":
        return {}
    return {"data-parent": world.store.get("_checkout", session["id"]).get("parent", "")}


def _success(world: World, session: Json) -> Response:
    if session["ui_mode"] == "embedded_page":
        return _thanks(world, session)
    url = session["success_url"] or "/"
    return RedirectResponse(url.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _thanks(world: World, session: Json) -> Response:
    """Let the page around go on to its own page, or just thank: as the session was made."""
    url = session["return_url"] if session["redirect_on_completion"] == "always" else ""
    attributes = {
        **_framed(world, session),
        "data-done": "yes",
        "data-return-url": url.replace("{CHECKOUT_SESSION_ID}", session["id"]),
    }
    body = '<main><div class="card"><h1>Thank you</h1><p role="status">All done.</p></div></main>'
    return page("Checkout complete", body, script="embedded.js", attributes=attributes)


def _verb(session: Json) -> str:
    if session["mode"] == "setup":
        return "Save card"
    return "Subscribe" if session["mode"] == "subscription" else "Pay"


def _summary(world: World, session: Json) -> str:
    items = world.store.get("_checkout", session["id"])["line_items"]
    rows = ""
    for item in items:
        recurring = (item["price"] or {}).get("recurring")
        every = f" / {recurring['interval']}" if recurring else ""
        name = item["description"] or "Item"
        if item["quantity"] > 1:
            name = f"{item['quantity']} of {name}"
        amount = money(item["amount_subtotal"], item["currency"])
        rows += f"<li><span>{escape(name)}</span><span>{amount}{every}</span></li>"
    if session["mode"] == "setup":
        return "<h1>Save a card</h1>"
    discount = session["total_details"]["amount_discount"]
    if discount:
        taken = money(-discount, session["currency"])
        rows += f"<li><span>Discount</span><span>{taken}</span></li>"
    days = world.store.get("_checkout", session["id"])["data"].get("trial_period_days")
    trial = f'<p class="note">{escape(str(days))} days free, then as shown.</p>' if days else ""
    total = money(session["amount_total"], session["currency"])
    title = "Subscribe" if session["mode"] == "subscription" else "Pay"
    return f'<h1>{title}</h1><p class="total">{total}</p><ul class="items">{rows}</ul>{trial}'


def _form(
    world: World, session: Json, given: dict[str, str], problem: str | None, status: int = 200
) -> Response:
    email = given.get("email") or session["customer_email"] or ""
    known = world.store.find("customer", session["customer"] or "")
    if known is not None:
        email = email or known["email"] or ""
    back = link_back(session["cancel_url"], "Back")
    framed, action = _framed(world, session), f"/c/pay/{session['id']}"
    if framed:
        secret = {"client_secret": session["client_secret"], "parent": framed["data-parent"]}
        action += f"?{urlencode(secret)}"
    fields = field(
        "email", "Email", autocomplete="email", value=email, kind="email", wide=True
    ) + card_fields(given)
    amount = ""
    if session["mode"] == "payment":
        amount = f" {money(session['amount_total'], session['currency'])}"
    body = (
        f'<main>{back}<div class="card">{_summary(world, session)}{alert(problem)}'
        f'<form method="post" action="{escape(action)}" autocomplete="on">'
        f'<div class="grid">{fields}</div>'
        f'<button class="primary">{_verb(session)}{amount}</button></form></div>'
        '<p class="note">A simulated page for test cards. No money moves.</p></main>'
    )
    return page(
        f"{_verb(session)} – Simulator checkout",  # noqa: RUF001 - a dash
        body,
        status=status,
        script="embedded.js" if framed else None,
        attributes=framed,
    )


def _closed(session: Json) -> Response:
    back = ""
    if session["cancel_url"]:
        back = f'<p><a href="{escape(session["cancel_url"])}">Return to the shop</a></p>'
    body = (
        '<main><div class="card"><h1>This checkout has expired</h1>'
        f"<p>Nothing was charged. Please start again.</p>{back}</div></main>"
    )
    return page("Checkout expired", body, status=410)


async def show(world: World, request: Request, session_id: str) -> Response:
    """Show the form, or take the card."""
    body = await request.body()
    session = _session(world, session_id)
    _let_in(world, session, request)
    if session["status"] == "complete":
        return _success(world, session)
    if session["status"] == "expired":
        return _closed(session)
    if request.method == "GET":
        return _form(world, session, {}, None)
    given = {name: str(value) for name, value in decode_form(body.decode()).items()}
    try:
        method = card_from_form(world, given)
        decline = submit(
            world,
            session,
            method,
            email=given.get("email") or session["customer_email"],
            name=given.get("name") or None,
        )
    except Refusal as refusal:
        return _form(world, session, given, refusal.message, 402)
    if decline is not None:
        return _form(world, session, given, decline.message, 402)
    return _onwards(world, session)


def _onwards(world: World, session: Json) -> Response:
    if session["status"] == "complete":
        return _success(world, session)
    awaited = world.store.get("_checkout", session["id"])["awaits"]
    intent = world.store.get(ids.kind_of(awaited) or "payment_intent", awaited)
    if intent["status"] == "requires_action":
        return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
    error = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
    return _form(world, session, {}, error.get("message", "The payment did not go through."))


async def come_back(world: World, _request: Request, session_id: str) -> Response:
    """Go on after the challenge: to the shop, or back to the form with what went wrong."""
    session = _session(world, session_id)
    if session["status"] == "expired":
        return _closed(session)
    return _onwards(world, session)
