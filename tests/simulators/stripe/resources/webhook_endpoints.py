"""/v1/webhook_endpoints and /v1/events."""

import json
from fnmatch import fnmatch

from tests.simulators.stripe import API_VERSION, Json, ids
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata
from tests.simulators.stripe.world import World


def make_endpoint(
    world: World, *, url: str, enabled_events: list[str], secret: str | None = None
) -> Json:
    """Add an endpoint; its secret is kept beside it and never shown again."""
    endpoint: Json = {
        "id": ids.new_id("webhook_endpoint"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": world.now(),
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    world.add(endpoint)
    row = {"secret": secret or f"whsec_{ids.token(32)}"}
    world.store.put("_endpoint_secret", endpoint["id"], row)
    return endpoint


@route("POST", "/v1/webhook_endpoints")
def create_webhook_endpoint(call: Call) -> Json:
    """Create an endpoint; only this answer shows its secret."""
    params = call.params
    url = params.need("url")
    if not url.startswith(("http://", "https://")):
        raise Refusal("Invalid URL: An explicit scheme (such as https) must be provided.")
    version = params.text("api_version")
    if version not in (None, API_VERSION):
        raise Refusal(f"Invalid Stripe API version: {version}", param="api_version")
    endpoint = make_endpoint(call.world, url=url, enabled_events=params.texts("enabled_events"))
    endpoint["description"] = params.text("description")
    endpoint["metadata"] = merge_metadata({}, params)
    secret = call.world.store.get("_endpoint_secret", endpoint["id"])["secret"]
    return {**endpoint, "secret": secret}


@route("GET", "/v1/webhook_endpoints/{}")
def get_webhook_endpoint(call: Call) -> Json:
    """Return an endpoint, without its secret."""
    return call.world.store.get("webhook_endpoint", call.id)


@route("POST", "/v1/webhook_endpoints/{}")
def update_webhook_endpoint(call: Call) -> Json:
    """Change an endpoint."""
    endpoint = call.world.store.get("webhook_endpoint", call.id)
    params = call.params
    if params.has("url"):
        endpoint["url"] = params.need("url")
    if params.has("enabled_events"):
        endpoint["enabled_events"] = params.texts("enabled_events")
    if params.has("disabled"):
        endpoint["status"] = "disabled" if params.boolean("disabled") else "enabled"
    if params.has("description"):
        endpoint["description"] = params.text("description")
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], params)
    call.world.touch(endpoint)
    return endpoint


@route("DELETE", "/v1/webhook_endpoints/{}")
def delete_webhook_endpoint(call: Call) -> Json:
    """Delete an endpoint."""
    call.world.store.get("webhook_endpoint", call.id)
    call.world.store.remove("webhook_endpoint", call.id)
    return {"id": call.id, "object": "webhook_endpoint", "deleted": True}


@route("GET", "/v1/webhook_endpoints")
def list_webhook_endpoints(call: Call) -> Json:
    """Return all endpoints."""
    return listing(call, call.world.store.rows("webhook_endpoint"), kind="webhook_endpoint")


@route("GET", "/v1/events/{}")
def get_event(call: Call) -> Json:
    """Return an event with its object as it was then."""
    body: Json = json.loads(call.world.store.get("event", call.id)["body"])
    return body


@route("GET", "/v1/events")
def list_events(call: Call) -> Json:
    """Return events by type (`invoice.*` works), time, and whether every receiver took them."""
    params = call.params
    types = params.texts("types") or [t for t in [params.text("type")] if t]
    found = [
        row
        for row in call.world.store.rows("event")
        if not types or any(fnmatch(row["type"], wanted) for wanted in types)
    ]
    if params.has("delivery_success"):
        failed = _undelivered(call.world)
        succeeded = params.boolean("delivery_success")
        found = [row for row in found if (row["id"] in failed) != succeeded]
    page = listing(call, found, kind="event")
    page["data"] = [json.loads(row["body"]) for row in page["data"]]
    return page


def _undelivered(world: World) -> set[str]:
    """Return the events that some receiver has not got: lost on the way, refused, or waiting."""
    taken: dict[tuple[str, str], bool] = {}
    for row in world.store.rows("_delivery"):
        key = (row["event"], row["endpoint"])
        taken[key] = taken.get(key, False) or row["state"] == "delivered"
    return {event for (event, _), is_taken in taken.items() if not is_taken}
