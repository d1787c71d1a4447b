"""/v1/payment_intents."""

import re

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    cardholding,
    charging,
    in_person,
    intents,
    readers,
    settling,
)
from tests.simulators.stripe.engine.charging import Attempt
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.resources.payment_methods import billing_details, card_from_number
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def visible(call: Call, kind: str) -> Json:
    """Return the intent in the path; a page must prove that it was given its client secret."""
    intent = call.world.store.get(kind, call.id)
    secret = call.params.text("client_secret")
    if call.publishable and secret != intent["client_secret"]:
        raise Refusal(
            f"The client_secret provided does not match any associated {kind} on this account. "
            "Ensure the publishable key used belongs to the same account that created the intent.",
            status=400,
            code=f"{kind}_invalid_parameter" if secret else "parameter_missing",
            param="client_secret",
        )
    return intent


def unexpected_state(intent: Json, verb: str) -> Refusal:
    """Return the refusal for an intent that is past what is asked of it."""
    kind = intent["object"]
    name = "PaymentIntent" if kind == "payment_intent" else "SetupIntent"
    return Refusal(
        f"This {name}'s status is {intent['status']}: you cannot {verb} it.",
        code=f"{kind}_unexpected_state",
        extra={kind: intent},
    )


def method_from(call: Call, *, param: str = "payment_method") -> Json | None:
    """Return the PaymentMethod that a confirmation names or describes."""
    params = call.params
    reference = params.text("payment_method")
    if reference is not None:
        return cardholding.resolve(call.world, reference, param=param)
    data = params.inside("payment_method_data")
    if not data.data:
        return None
    if not call.publishable:
        raise Refusal("Send a PaymentMethod, not card data.", param="payment_method_data")
    details = billing_details(data.inside("billing_details"))
    return card_from_number(call.world, data.inside("card"), billing=details)


def require_usable(intent: Json, method: Json) -> None:
    """Refuse a card that is saved to someone else."""
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise Refusal(
            f"The provided PaymentMethod ({method['id']}) belongs to another Customer. You must "
            "pass the Customer it belongs to.",
            param="payment_method",
        )


def _assign(world: World, intent: Json, params: Params) -> None:
    for field in ("description", "receipt_email", "statement_descriptor_suffix"):
        if params.has(field):
            intent[field] = params.text(field)
    if params.has("setup_future_usage"):
        intent["setup_future_usage"] = params.text("setup_future_usage")
    if params.has("customer"):
        customer_id = params.text("customer")
        if customer_id is not None:
            live_customer(world, customer_id, param="customer")
        intent["customer"] = customer_id
    if params.has("payment_method"):
        reference = params.text("payment_method")
        if reference is None:
            intent.update(payment_method=None, status="requires_payment_method")
        else:
            method = cardholding.resolve(world, reference, param="payment_method")
            require_usable(intent, method)
            intent.update(payment_method=method["id"], status="requires_confirmation")
    intent["metadata"] = merge_metadata(intent["metadata"], params)


def _amount(params: Params) -> int:
    params.need("amount")
    amount = params.integer("amount") or 0
    if amount < 1:
        raise Refusal(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    return amount


@route("POST", "/v1/payment_intents")
def create_payment_intent(call: Call) -> Json:
    """Create a PaymentIntent and, if asked, confirm it at once."""
    params = call.params
    intent = intents.make_payment_intent(
        call.world,
        amount=_amount(params),
        currency=params.need("currency").lower(),
        capture_method=params.choice(
            "capture_method", ("automatic", "automatic_async", "manual"), "automatic"
        ),
    )
    automatic = params.inside("automatic_payment_methods")
    if automatic.data:
        intent["automatic_payment_methods"] = {
            "allow_redirects": automatic.text("allow_redirects") or "always",
            "enabled": automatic.boolean("enabled"),
        }
    if params.has("payment_method_types"):
        intent["payment_method_types"] = params.texts("payment_method_types")
        if in_person.TYPE in intent["payment_method_types"]:
            intent["payment_method_options"][in_person.TYPE] = {
                "request_extended_authorization": False,
                "request_incremental_authorization_support": False,
            }
    intent["confirmation_method"] = params.text("confirmation_method") or "automatic"
    _assign(call.world, intent, params)
    call.world.add(intent, "payment_intent.created")
    if params.boolean("confirm"):
        return _confirm(call, intent)
    return intent


def _confirm(call: Call, intent: Json) -> Json:
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "confirm")
    params = call.params
    method = method_from(call)
    method_id = method["id"] if method is not None else intent["payment_method"]
    if method_id is None:
        raise Refusal(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update "
            "the PaymentIntent with a payment method and then confirm it again.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": intent},
        )
    if method is not None:
        require_usable(intent, method)
    if params.has("setup_future_usage"):
        intent["setup_future_usage"] = params.text("setup_future_usage")
    off_session = params.raw("off_session") not in (None, "", "false")
    decline = settling.confirm(
        call.world,
        intent,
        Attempt(method_id, off_session=off_session, return_url=params.text("return_url")),
    )
    if decline is not None:
        error = intent["last_payment_error"] or {}
        raise cardholding.refuse(
            decline,
            charge=error.get("charge"),
            payment_intent=intent,
            payment_method=error.get("payment_method"),
        )
    return intent


_CLAUSE = re.compile(r"""^metadata\[(['"])(\w+)\1\]:(['"])([^'"]*)\3$""")


@route("GET", "/v1/payment_intents/search")
def search_payment_intents(call: Call) -> Json:
    """Return the PaymentIntents with all the metadata that is asked for, newest first."""
    clauses = [_CLAUSE.match(part.strip()) for part in call.params.need("query").split(" AND ")]
    if None in clauses:
        raise Refusal("The simulator searches metadata['key']:'value' alone.", param="query")
    wanted = {found[2]: found[4] for found in clauses if found}
    rows = [
        row
        for row in call.world.store.rows("payment_intent")
        if all(row["metadata"].get(key) == value for key, value in wanted.items())
    ]
    rows.reverse()
    limit = call.params.integer("limit") or 10
    return {
        "object": "search_result",
        "url": call.path,
        "has_more": len(rows) > limit,
        "data": rows[:limit],
        "next_page": None,
    }


@route("GET", "/v1/payment_intents/{}", browser=True)
def get_payment_intent(call: Call) -> Json:
    """Return a PaymentIntent."""
    return visible(call, "payment_intent")


@route("POST", "/v1/payment_intents/{}")
def update_payment_intent(call: Call) -> Json:
    """Change a PaymentIntent that is not settled."""
    intent = call.world.store.get("payment_intent", call.id)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "update")
    if call.params.has("amount"):
        intent["amount"] = _amount(call.params)
    _assign(call.world, intent, call.params)
    call.world.touch(intent)
    return intent


@route("POST", "/v1/payment_intents/{}/confirm", browser=True)
def confirm_payment_intent(call: Call) -> Json:
    """Pay, or ask the cardholder first, or say 402."""
    return _confirm(call, visible(call, "payment_intent"))


@route("POST", "/v1/payment_intents/{}/cancel")
def cancel_payment_intent(call: Call) -> Json:
    """Cancel what is not settled; an uncaptured authorization is released."""
    world = call.world
    intent = world.store.get("payment_intent", call.id)
    if intent["status"] not in (*_OPEN, "requires_capture", "processing"):
        raise unexpected_state(intent, "cancel")
    if readers.is_authorizing(world, intent):
        raise Refusal(
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it.",
            status=429,
            code="lock_timeout",
        )
    intent.update(
        status="canceled",
        canceled_at=world.now(),
        cancellation_reason=call.params.text("cancellation_reason"),
        amount_capturable=0,
        next_action=None,
    )
    if intent["latest_charge"] is not None:
        charge = world.store.get("charge", intent["latest_charge"])
        if charge["paid"] and not charge["captured"]:
            with world.change(charge, "charge.refunded"):
                charge.update(refunded=True, amount_refunded=charge["amount"])
    world.touch(intent)
    world.emit("payment_intent.canceled", intent)
    return intent


@route("POST", "/v1/payment_intents/{}/capture")
def capture_payment_intent(call: Call) -> Json:
    """Take an authorized amount, or part of it; the rest is released."""
    world = call.world
    intent = world.store.get("payment_intent", call.id)
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "capture")
    amount = call.params.integer("amount_to_capture")
    amount = intent["amount_capturable"] if amount is None else amount
    if not 1 <= amount <= intent["amount_capturable"]:
        raise Refusal(
            f"The requested capture amount is greater than the amount you can capture for this "
            f"charge ({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = world.store.get("charge", intent["latest_charge"])
    charging.book(world, charge, amount, "charge")
    with world.change(charge, "charge.captured"):
        charge.update(captured=True, amount_captured=amount)
        charge["amount_refunded"] = charge["amount"] - amount
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    intent["metadata"] = merge_metadata(intent["metadata"], call.params)
    world.touch(intent)
    world.emit("payment_intent.succeeded", intent)
    return intent


@route("GET", "/v1/payment_intents")
def list_payment_intents(call: Call) -> Json:
    """Return PaymentIntents, all or those of a customer."""
    customer, store = call.params.text("customer"), call.world.store
    found = (
        store.where("payment_intent", "customer", customer)
        if customer
        else store.rows("payment_intent")
    )
    return listing(call, found, kind="payment_intent")
