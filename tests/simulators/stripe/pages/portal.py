"""The customer portal: works without script, and does what its configuration allows."""

import re
from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages import portal_cards, portal_subscriptions
from tests.simulators.stripe.pages.acting import act
from tests.simulators.stripe.pages.html import alert, day, field, link_back, money, notice, page
from tests.simulators.stripe.pages.portal_visit import Visit
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World

Step = Callable[..., Response]

_NOTICES = {
    "card": "Your card was saved and pays from now on.",
    "default": "This card pays from now on.",
    "removed": "The card was removed.",
    "in_use": "This card pays a subscription: choose another one for it first.",
    "canceled": "Your subscription was canceled.",
    "kept": "Your subscription goes on.",
    "changed": "Your plan was changed.",
    "details": "Your details were saved.",
}
_DETAILS = {"email": ("Email", "email"), "name": ("Name", "name"), "phone": ("Phone", "tel")}


async def show(world: World, request: Request, session_id: str) -> Response:
    """Show a page of the portal, or do what was asked there."""
    body = await request.body()
    session = world.store.get("billing_portal.session", session_id)
    configuration = world.store.get("billing_portal.configuration", session["configuration"])
    posted = request.method == "POST"
    given = decode_form(body.decode()) if posted else dict(request.query_params)
    visit = Visit(
        world=world,
        session=session,
        customer=live_customer(world, session["customer"]),
        features=configuration["features"],
        posted=posted,
        given={name: str(value) for name, value in given.items()},
    )
    inner = request.url.path.removeprefix(visit.home)
    for pattern, step, methods in _STEPS:
        found = re.fullmatch(pattern, inner)
        if found is not None and request.method in methods:
            return step(visit, *found.groups())
    raise Refusal("There is no such page.", status=404)


def _enter(visit: Visit) -> Response:
    """Begin: at the one task of a flow, or at home."""
    flow = visit.session["flow"]
    if flow is None:
        return _home(visit)
    steps = {
        "payment_method_update": "card",
        "customer_update": "details",
        "subscription_cancel": "cancel",
        "subscription_update": "change",
        "subscription_update_confirm": "change",
    }
    path = steps[flow["type"]]
    if flow["type"].startswith("subscription_"):
        path += f"/{flow[flow['type']]['subscription']}"
    return RedirectResponse(f"{visit.home}/{path}", 303)


def _home(visit: Visit) -> Response:
    configuration = visit.world.store.get(
        "billing_portal.configuration", visit.session["configuration"]
    )
    headline = configuration["business_profile"]["headline"]
    parts = [
        link_back(visit.session["return_url"], "Back"),
        "<h1>Billing</h1>",
        f'<p class="note">{escape(headline)}</p>' if headline else "",
        notice(_NOTICES.get(visit.given.get("done", ""), "")),
        _section("Subscription", portal_subscriptions.listed(visit)),
        _section("Cards", portal_cards.listed(visit)),
    ]
    if visit.may("customer_update"):
        parts.append(_section("Your details", _shown_details(visit)))
    if visit.may("invoice_history"):
        parts.append(_section("Invoices", _invoices(visit)))
    return page("Billing portal", f"<main>{''.join(parts)}</main>")


def _section(title: str, body: str) -> str:
    return f'<section class="card"><h2>{escape(title)}</h2>{body}</section>'


def _invoices(visit: Visit) -> str:
    rows = list(visit.world.store.where("invoice", "customer", visit.customer["id"]))
    shown = "".join(_invoice(row) for row in reversed(rows) if row["status"] != "draft")
    return f'<ul class="rows">{shown}</ul>' if shown else "<p>There are no invoices yet.</p>"


def _invoice(row: Json) -> str:
    number = escape(row["number"])
    amount = money(row["amount_due"], row["currency"])
    verb = "Pay" if row["status"] == "open" else "View"
    return (
        f"<li><span>{day(row['created'])}: {amount}, {escape(row['status'])}</span>"
        f'<span class="acts"><a href="{escape(row["hosted_invoice_url"])}">{verb} {number}</a> '
        f'<a href="{escape(row["invoice_pdf"])}" aria-label="PDF of {number}">PDF</a></span></li>'
    )


def _allowed_details(visit: Visit) -> list[str]:
    allowed = visit.features["customer_update"]["allowed_updates"]
    return [name for name in _DETAILS if name in allowed]


def _shown_details(visit: Visit) -> str:
    rows = "".join(
        f"<li><span>{_DETAILS[name][0]}</span>"
        f"<span>{escape(visit.customer[name] or '–')}</span></li>"  # noqa: RUF001 - a dash
        for name in _allowed_details(visit)
    )
    link = f'<a class="button quiet" href="{visit.home}/details">Change your details</a>'
    return f'<ul class="items">{rows}</ul>{link}'


def _details(visit: Visit) -> Response:
    """Show the payer's details, or take them."""
    visit.require("customer_update")
    allowed, problem = _allowed_details(visit), None
    if visit.posted:
        wanted = {name: visit.given[name].strip() for name in allowed if name in visit.given}
        if "@" in wanted.get("email", "@"):
            act(visit.world, "POST", f"/v1/customers/{visit.customer['id']}", wanted)
            return visit.go("details")
        problem = "Please give a valid email address."
    fields = "".join(
        field(
            name,
            _DETAILS[name][0],
            autocomplete=_DETAILS[name][1],
            value=visit.given.get(name) or visit.customer[name] or "",
            wide=True,
        )
        for name in allowed
    )
    body = (
        f'{alert(problem)}<form method="post" action="{visit.home}/details">'
        f'<div class="grid">{fields}</div><button class="primary">Save</button></form>'
    )
    return visit.show("Your details", body, status=400 if problem else 200)


def _done(visit: Visit) -> Response:
    flow = visit.session["flow"] or {"after_completion": {"hosted_confirmation": None}}
    hosted = flow["after_completion"]["hosted_confirmation"] or {}
    message = hosted.get("custom_message") or "Your changes were saved."
    return visit.show("Thank you", f'<p role="status">{escape(message)}</p>')


_GET, _POST, _BOTH = ("GET",), ("POST",), ("GET", "POST")
_STEPS: tuple[tuple[str, Step, tuple[str, ...]], ...] = (
    (r"", _enter, _GET),
    (r"/home", _home, _GET),
    (r"/done", _done, _GET),
    (r"/details", _details, _BOTH),
    (r"/card", portal_cards.add, _BOTH),
    (r"/card/(\w+)", portal_cards.come_back, _GET),
    (r"/cards/(\w+)/default", portal_cards.make_default, _POST),
    (r"/cards/(\w+)/remove", portal_cards.remove, _POST),
    (r"/cancel/(\w+)", portal_subscriptions.cancel, _BOTH),
    (r"/keep/(\w+)", portal_subscriptions.keep, _POST),
    (r"/change/(\w+)", portal_subscriptions.change, _BOTH),
)
