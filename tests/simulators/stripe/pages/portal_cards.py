"""Cards in the portal: add one, pay with another, remove one."""

from html import escape

from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import setups
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.acting import act
from tests.simulators.stripe.pages.cards import card_fields, card_from_form, described
from tests.simulators.stripe.pages.html import alert
from tests.simulators.stripe.pages.portal_visit import Visit


def listed(visit: Visit) -> str:
    """Return the saved cards with what can be done to each."""
    default = visit.customer["invoice_settings"]["default_payment_method"]
    used = {visit.pays_with(subscription) for subscription in visit.running()}
    rows = "".join(
        _card(visit, method, default=method["id"] == default, used=method["id"] in used)
        for method in visit.cards()
    )
    shown = f'<ul class="rows">{rows}</ul>' if rows else "<p>No card is saved.</p>"
    if visit.may("payment_method_update"):
        shown += f'<a class="button quiet" href="{visit.home}/card">Add a card</a>'
    return shown


def _card(visit: Visit, method: Json, *, default: bool, used: bool) -> str:
    name = escape(described(method))
    badge = ' <span class="badge">Default</span>' if default else ""
    buttons = ""
    if visit.may("payment_method_update"):
        if not default:
            buttons += _button(visit, method, "default", "Make default", name)
        if not used:
            buttons += _button(visit, method, "remove", "Remove", name)
    return f'<li><span>{name}{badge}</span><span class="acts">{buttons}</span></li>'


def _button(visit: Visit, method: Json, verb: str, label: str, name: str) -> str:
    return (
        f'<form method="post" action="{visit.home}/cards/{method["id"]}/{verb}">'
        f'<button class="small" aria-label="{label}: {name}">{label}</button></form>'
    )


def add(visit: Visit) -> Response:
    """Show the card form, or save the card; its issuer may want the payer's word first."""
    visit.require("payment_method_update")
    if not visit.posted:
        return _form(visit, None)
    world = visit.world
    try:
        method = card_from_form(world, {"email": visit.customer["email"] or "", **visit.given})
    except Refusal as refusal:
        return _form(visit, refusal.message)
    wanted = {"customer": visit.customer["id"], "usage": "off_session"}
    intent = act(world, "POST", "/v1/setup_intents", wanted)
    back = f"{world.public_url}{visit.home}/card/{intent['id']}"
    decline = setups.confirm(world, intent, method["id"], return_url=back)
    if decline is not None:
        return _form(visit, decline.message)
    if intent["status"] == "requires_action":
        return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
    return _finish(visit, method["id"])


def come_back(visit: Visit, intent_id: str) -> Response:
    """Go on after the challenge: the card pays from now on, or another one is asked for."""
    visit.require("payment_method_update")
    intent = visit.world.store.get("setup_intent", intent_id)
    if intent["customer"] != visit.customer["id"]:
        raise Refusal("There is no such card.", status=404)
    if intent["status"] == "succeeded":
        return _finish(visit, intent["payment_method"])
    error = intent["last_setup_error"] or {"message": "The card was not saved."}
    return _form(visit, error["message"])


def _finish(visit: Visit, method_id: str) -> Response:
    _pay_with(visit, method_id)
    return visit.go("card")


def _pay_with(visit: Visit, method_id: str) -> None:
    """Make a card the customer's default and that of all that runs."""
    world, default = visit.world, {"default_payment_method": method_id}
    customer = f"/v1/customers/{visit.customer['id']}"
    act(world, "POST", customer, {"invoice_settings": default})
    for subscription in visit.running():
        act(world, "POST", f"/v1/subscriptions/{subscription['id']}", default)


def _form(visit: Visit, problem: str | None) -> Response:
    body = (
        "<p>It pays everything that falls due from now on.</p>"
        f'{alert(problem)}<form method="post" action="{visit.home}/card">'
        f'<div class="grid">{card_fields(visit.given)}</div>'
        '<button class="primary">Save card</button></form>'
    )
    return visit.show("Add a card", body, status=402 if problem else 200)


def make_default(visit: Visit, method_id: str) -> Response:
    """Pay with a saved card from now on."""
    visit.require("payment_method_update")
    _pay_with(visit, visit.card(method_id)["id"])
    return visit.go("default")


def remove(visit: Visit, method_id: str) -> Response:
    """Take a card off the customer, unless something is charged to it."""
    visit.require("payment_method_update")
    method = visit.card(method_id)
    if method_id in {visit.pays_with(subscription) for subscription in visit.running()}:
        return visit.go("in_use")
    act(visit.world, "POST", f"/v1/payment_methods/{method['id']}/detach")
    return visit.go("removed")
