"""The issuer's challenge: the cardholder passes it or fails it."""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import settling, setups
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.html import money, page
from tests.simulators.stripe.resources import checkout_completion
from tests.simulators.stripe.wire import decode_form
from tests.simulators.stripe.world import World


def _intent(world: World, intent_id: str, secret: str | None) -> Json:
    intent = world.store.get(ids.kind_of(intent_id) or "payment_intent", intent_id)
    if secret != intent["client_secret"]:
        raise Refusal("The client secret does not fit.", status=404)
    customer = world.store.find("customer", intent["customer"] or "")
    if customer is not None:
        world.follow_clock_of(customer)
    return intent


def _question(intent: Json, parent: str) -> Response:
    what = "save this card"
    if intent["object"] == "payment_intent":
        what = f"pay {money(intent['amount'], intent['currency'])}"
    hidden = (
        f'<input type="hidden" name="client_secret" value="{escape(intent["client_secret"])}">'
        f'<input type="hidden" name="parent" value="{escape(parent)}">'
    )
    body = (
        '<main><div class="card"><h1>Is it you?</h1>'
        f"<p>Your bank wants to know that it is you who wants to {escape(what)}.</p>"
        f'<form method="post" action="/3ds/{intent["id"]}">{hidden}'
        '<button class="primary" name="outcome" value="pass">Complete authentication</button>'
        '<button class="quiet" name="outcome" value="fail">Fail authentication</button>'
        "</form></div></main>"
    )
    return page("Card authentication", body)


def _answered(parent: str) -> Response:
    body = (
        '<main><div class="card"><h1>Thank you</h1><p>You can close this window.</p></div></main>'
    )
    return page(
        "Card authentication",
        body,
        script="challenge.js",
        attributes={"data-parent": parent, "data-done": "yes"},
    )


def return_address(intent: Json, url: str, *, passed: bool) -> str:
    """Return the caller's address with the outcome in its query, as Stripe adds it."""
    parts = urlsplit(url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (intent["object"], intent["id"]),
        (f"{intent['object']}_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if passed else "failed"),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


async def show(world: World, request: Request, intent_id: str) -> Response:
    """Ask, or take the answer and go on with the intent."""
    if request.method == "GET":
        intent = _intent(world, intent_id, request.query_params.get("client_secret"))
        parent = request.query_params.get("parent", "")
        return _question(intent, parent) if _waits(intent) else _answered(parent)
    given = decode_form((await request.body()).decode())
    intent = _intent(world, intent_id, given.get("client_secret"))
    parent = given.get("parent", "")
    action = intent["next_action"] or {}
    passed = given.get("outcome") == "pass"
    if _waits(intent):
        decide = setups if intent["object"] == "setup_intent" else settling
        decide.answer_challenge(world, intent, passed=passed)
        checkout_completion.follow_challenge(world, intent)
    back = action.get("redirect_to_url", {}).get("return_url")
    if back is None or parent:
        return _answered(parent)
    done = intent["status"] in ("succeeded", "requires_capture")
    return RedirectResponse(return_address(intent, back, passed=done), 303)


def _waits(intent: Json) -> bool:
    return bool(intent["status"] == "requires_action")
