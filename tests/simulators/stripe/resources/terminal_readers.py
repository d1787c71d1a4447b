"""/v1/terminal/readers, what they are told to do, and the test helpers in front of them."""

import string

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import at_reader, in_person, readers
from tests.simulators.stripe.engine.in_person import Presented
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata

_KIND = readers.KIND
# Source: https://docs.stripe.com/terminal/references/testing#simulated-reader
_CODES = {
    "simulated-wpe": "simulated_wisepos_e",
    "simulated-s700": "simulated_stripe_s700",
    "simulated-s710": "simulated_stripe_s710",
}


@route("POST", "/v1/terminal/readers")
def create_reader(call: Call) -> Json:
    """Register a simulated reader."""
    params = call.params
    code, location = params.need("registration_code"), params.text("location")
    if code not in _CODES:
        raise Refusal("The registration code is invalid.", param="registration_code")
    if location is not None:
        call.world.store.get(readers.LOCATION, location, param="location")
    row = readers.make_reader(
        call.world,
        ids.new_id(_KIND),
        device_type=_CODES[code],
        label=params.text("label") or code,
        location=location,
    )
    row["metadata"] = merge_metadata({}, params)
    return row


@route("GET", "/v1/terminal/readers")
def list_readers(call: Call) -> Json:
    """Return readers, by place, kind, serial number and status."""
    names = ("location", "device_type", "serial_number", "status")
    wanted = {name: call.params.text(name) for name in names}
    found = [
        row
        for row in call.world.store.rows(_KIND)
        if all(value in (None, row[name]) for name, value in wanted.items())
    ]
    return listing(call, found, kind=_KIND)


@route("GET", "/v1/terminal/readers/{}")
def get_reader(call: Call) -> Json:
    """Return a reader with the last thing it was told to do; one given up only as that."""
    gone = call.world.store.find(readers.GONE, call.id)
    if gone is not None:
        return gone
    reader = call.world.store.get(_KIND, call.id)
    if reader["status"] == "online":
        reader["last_seen_at"] = call.world.now() * 1000
    return reader


@route("POST", "/v1/terminal/readers/{}")
def update_reader(call: Call) -> Json:
    """Change a reader's label."""
    reader, params = call.world.store.get(_KIND, call.id), call.params
    if params.has("label"):
        reader["label"] = params.text("label") or ""
    reader["metadata"] = merge_metadata(reader["metadata"], params)
    call.world.touch(reader)
    return reader


@route("DELETE", "/v1/terminal/readers/{}")
def delete_reader(call: Call) -> Json:
    """Give up a reader."""
    store = call.world.store
    reader = store.get(_KIND, call.id)
    for kind in (_KIND, readers.STATE):
        store.remove(kind, reader["id"])
    gone = {"id": reader["id"], "object": _KIND, "deleted": True}
    return store.put(readers.GONE, reader["id"], gone)


def _config(params: Params) -> Json:
    """Return how this payment differs from what the reader usually does."""
    given = params.inside("process_config")
    config: Json = {}
    for name in ("enable_customer_cancellation", "skip_tipping"):
        if given.has(name):
            config[name] = given.boolean(name)
    tipping = given.inside("tipping")
    if tipping.has("amount_eligible"):
        eligible = tipping.integer("amount_eligible") or 0
        if eligible < 1:
            raise Refusal(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param="process_config[tipping][amount_eligible]",
            )
        config["tipping"] = {"amount_eligible": eligible}
    return config


@route("POST", "/v1/terminal/readers/{}/process_payment_intent")
def process_payment_intent(call: Call) -> Json:
    """Have a reader ask for the card of a payment."""
    world = call.world
    reader = world.store.get(_KIND, call.id)
    intent_id, config = call.params.need("payment_intent"), _config(call.params)
    intent = world.store.get("payment_intent", intent_id, param="payment_intent")
    if in_person.TYPE not in intent["payment_method_types"]:
        raise Refusal(
            "The payment_method_types of a payment at a reader must include card_present.",
            param="payment_intent",
        )
    if intent["status"] != "requires_payment_method":
        raise Refusal(
            "Payment intent must be in the requires_payment_method state to be processed by a "
            "reader.",
            code="intent_invalid_state",
        )
    readers.require_free(world, reader)
    at_reader.begin(world, reader, intent, config)
    readers.acknowledge(world, reader)
    return reader


@route("POST", "/v1/terminal/readers/{}/cancel_action")
def cancel_action(call: Call) -> Json:
    """Have a reader stop asking; not while an issuer is being asked."""
    reader = call.world.store.get(_KIND, call.id)
    readers.require_free(call.world, reader)
    readers.stop(call.world, reader)
    readers.acknowledge(call.world, reader)
    return reader


@route("POST", "/v1/test_helpers/terminal/readers/{}/present_payment_method")
def present_payment_method(call: Call) -> Json:
    """Hold a card to a simulated reader."""
    world, params = call.world, call.params
    reader = world.store.get(_KIND, call.id)
    kind = params.choice("type", (in_person.TYPE,), in_person.TYPE)
    number = params.inside(kind).text("number")
    if number is not None and set(number) - set(string.digits):
        raise Refusal("Your card number is incorrect.", param="card_present[number]")
    presented = Presented(number=number, tip=params.integer("amount_tip") or 0)
    at_reader.act(world, reader, "tap", presented)
    return reader
