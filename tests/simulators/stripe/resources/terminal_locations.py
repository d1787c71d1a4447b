"""/v1/terminal/locations and /v1/terminal/connection_tokens."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine.readers import KIND, LOCATION, make_location
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata

# Connection tokens: rows of the simulator's own.
TOKENS = "_connection_token"
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def _address(params: Params) -> Json:
    address = params.inside("address")
    return {name: address.text(name) for name in _ADDRESS if address.has(name)}


@route("POST", "/v1/terminal/locations")
def create_location(call: Call) -> Json:
    """Add a place for readers."""
    params = call.params
    name, address = params.need("display_name"), _address(params)
    if not address.get("country"):
        raise missing("address[country]")
    row = make_location(call.world, ids.new_id(LOCATION), name=name, address=address)
    row["phone"] = params.text("phone")
    row["metadata"] = merge_metadata({}, params)
    return row


@route("GET", "/v1/terminal/locations")
def list_locations(call: Call) -> Json:
    """Return the places."""
    return listing(call, call.world.store.rows(LOCATION), kind=LOCATION)


@route("GET", "/v1/terminal/locations/{}")
def get_location(call: Call) -> Json:
    """Return a place."""
    return call.world.store.get(LOCATION, call.id)


@route("POST", "/v1/terminal/locations/{}")
def update_location(call: Call) -> Json:
    """Change a place's name or address."""
    row, params = call.world.store.get(LOCATION, call.id), call.params
    for field in ("display_name", "phone"):
        if params.has(field):
            row[field] = params.text(field)
    row["address"].update(_address(params))
    row["metadata"] = merge_metadata(row["metadata"], params)
    call.world.touch(row)
    return row


@route("DELETE", "/v1/terminal/locations/{}")
def delete_location(call: Call) -> Json:
    """Give up a place where no reader stands."""
    store = call.world.store
    row = store.get(LOCATION, call.id)
    if any(reader["location"] == row["id"] for reader in store.rows(KIND)):
        raise Refusal("You cannot delete a location that has readers.")
    store.remove(LOCATION, row["id"])
    return {"id": row["id"], "object": LOCATION, "deleted": True}


@route("POST", "/v1/terminal/connection_tokens")
def create_connection_token(call: Call) -> Json:
    """Return the secret with which a till's SDK connects to a reader."""
    store, location = call.world.store, call.params.text("location")
    if location is not None:
        store.get(LOCATION, location, param="location")
    token: Json = {"object": "terminal.connection_token", "secret": f"pst_test_{ids.token(32)}"}
    if location is not None:
        token["location"] = location
    store.put(TOKENS, token["secret"], token)
    return token
