"""/v1/setup_intents."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import cardholding, intents, setups
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.resources.payment_intents import (
    method_from,
    require_usable,
    unexpected_state,
    visible,
)
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


@route("POST", "/v1/setup_intents")
def create_setup_intent(call: Call) -> Json:
    """Create a SetupIntent and, if asked, confirm it at once."""
    params = call.params
    customer_id = params.text("customer")
    if customer_id is not None:
        live_customer(call.world, customer_id, param="customer")
    intent = intents.make_setup_intent(
        call.world,
        customer=customer_id,
        usage=params.text("usage") or "off_session",
        description=params.text("description"),
    )
    automatic = params.inside("automatic_payment_methods")
    if automatic.data:
        intent["automatic_payment_methods"] = {
            "allow_redirects": automatic.text("allow_redirects") or "always",
            "enabled": automatic.boolean("enabled"),
        }
    if params.has("payment_method_types"):
        intent["payment_method_types"] = params.texts("payment_method_types")
    intent["metadata"] = merge_metadata({}, params)
    method = method_from(call)
    if method is not None:
        intent.update(payment_method=method["id"], status="requires_confirmation")
    call.world.add(intent, "setup_intent.created")
    return _confirm(call, intent, None) if params.boolean("confirm") else intent


def _confirm(call: Call, intent: Json, method: Json | None) -> Json:
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "confirm")
    method_id = method["id"] if method is not None else intent["payment_method"]
    if method_id is None:
        raise Refusal(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            extra={"setup_intent": intent},
        )
    require_usable(intent, call.world.store.get("payment_method", method_id))
    decline = setups.confirm(
        call.world, intent, method_id, return_url=call.params.text("return_url")
    )
    if decline is not None:
        error = intent["last_setup_error"]
        raise cardholding.refuse(
            decline, setup_intent=intent, payment_method=error["payment_method"]
        )
    return intent


@route("GET", "/v1/setup_intents/{}", browser=True)
def get_setup_intent(call: Call) -> Json:
    """Return a SetupIntent."""
    return visible(call, "setup_intent")


@route("POST", "/v1/setup_intents/{}")
def update_setup_intent(call: Call) -> Json:
    """Change a SetupIntent that is not settled."""
    intent = call.world.store.get("setup_intent", call.id)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "update")
    params = call.params
    if params.has("description"):
        intent["description"] = params.text("description")
    if params.has("customer"):
        customer_id = params.need("customer")
        intent["customer"] = live_customer(call.world, customer_id, param="customer")["id"]
    method = method_from(call)
    if method is not None:
        require_usable(intent, method)
        intent.update(payment_method=method["id"], status="requires_confirmation")
    intent["metadata"] = merge_metadata(intent["metadata"], params)
    call.world.touch(intent)
    return intent


@route("POST", "/v1/setup_intents/{}/confirm", browser=True)
def confirm_setup_intent(call: Call) -> Json:
    """Save the card, or ask the cardholder first, or say 402."""
    intent = visible(call, "setup_intent")
    return _confirm(call, intent, method_from(call))


@route("POST", "/v1/setup_intents/{}/cancel")
def cancel_setup_intent(call: Call) -> Json:
    """Cancel a SetupIntent that is not settled."""
    intent = call.world.store.get("setup_intent", call.id)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "cancel")
    intent.update(
        status="canceled",
        cancellation_reason=call.params.text("cancellation_reason"),
        next_action=None,
    )
    call.world.touch(intent)
    call.world.emit("setup_intent.canceled", intent)
    return intent


@route("GET", "/v1/setup_intents")
def list_setup_intents(call: Call) -> Json:
    """Return SetupIntents, by customer and by card."""
    customer, method = call.params.text("customer"), call.params.text("payment_method")
    store = call.world.store
    rows = (
        store.where("setup_intent", "customer", customer)
        if customer
        else store.rows("setup_intent")
    )
    found = [row for row in rows if method in (None, row["payment_method"])]
    return listing(call, found, kind="setup_intent")
