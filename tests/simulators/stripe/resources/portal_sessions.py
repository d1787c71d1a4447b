"""/v1/billing_portal/sessions: a payer's way into the portal, or to one task in it."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import standing
from tests.simulators.stripe.errors import Refusal, missing, no_such
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World

_CONFIGURATION = "billing_portal.configuration"
# flow -> the feature that has to be switched on for it
_FEATURES = {
    "payment_method_update": "payment_method_update",
    "customer_update": "customer_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
_ENDINGS = ("portal_homepage", "hosted_confirmation", "redirect")


def _configuration(world: World, chosen: str | None) -> Json:
    if chosen is not None:
        found = world.store.get(_CONFIGURATION, chosen, param="configuration")
        if not found["active"]:
            raise Refusal("This configuration is not active.", param="configuration")
        return found
    for row in world.store.rows(_CONFIGURATION):
        if row["is_default"]:
            return row
    raise Refusal(
        "No configuration provided and your test mode default configuration has not been "
        "created. Provide a configuration or create your default by saving your customer portal "
        "settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal."
    )


def _subscription(world: World, customer: Json, params: Params) -> Json:
    subscription_id = params.need("subscription")
    found = world.store.find("subscription", subscription_id)
    if found is None or found["customer"] != customer["id"]:
        name = params.name("subscription")
        raise no_such("subscription", subscription_id, param=name, status=400)
    if found["status"] in standing.ENDED:
        raise Refusal("This subscription has ended.", param=params.name("subscription"))
    return found


def _ending(params: Params) -> Json:
    """Return what happens after the task: the portal, a thank-you or the caller's page."""
    given = params.inside("after_completion")
    kind = given.choice("type", _ENDINGS, "portal_homepage")
    redirect, hosted = given.inside("redirect"), given.inside("hosted_confirmation")
    return {
        "hosted_confirmation": {"custom_message": hosted.text("custom_message")}
        if kind == "hosted_confirmation"
        else None,
        "redirect": {"return_url": redirect.need("return_url")} if kind == "redirect" else None,
        "type": kind,
    }


def _confirmed_item(world: World, subscription: Json, params: Params) -> Json:
    known = {item["id"]: item for item in subscription["items"]["data"]}
    item_id = params.need("id")
    if item_id not in known:
        raise no_such("subscription_item", item_id, param=params.name("id"), status=400)
    price_id = params.text("price") or known[item_id]["price"]["id"]
    world.store.get("price", price_id, param=params.name("price"))
    quantity = params.integer("quantity")
    return {
        "id": item_id,
        "price": price_id,
        "quantity": known[item_id]["quantity"] if quantity is None else quantity,
    }


def _flow(world: World, customer: Json, features: Json, params: Params) -> Json | None:
    if not params.data:
        return None
    kind = params.need("type")
    feature = _FEATURES.get(kind)
    if feature is None:
        raise Refusal(
            f"Invalid {params.name('type')}: must be one of {', '.join(_FEATURES)}",
            param=params.name("type"),
        )
    if not features[feature]["enabled"]:
        raise Refusal(
            f"The feature `{feature}` is not enabled in the portal's configuration.",
            param=params.name("type"),
        )
    flow: Json = {
        "after_completion": _ending(params),
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }
    if kind.startswith("subscription_"):
        details = params.inside(kind)
        subscription = _subscription(world, customer, details)
        flow[kind] = {"subscription": subscription["id"]}
        if kind == "subscription_cancel":
            flow[kind]["retention"] = None
        if kind == "subscription_update_confirm":
            given = details.each("items")
            items = [_confirmed_item(world, subscription, one) for one in given]
            if not items:
                raise missing(details.name("items"))
            flow[kind].update(discounts=None, items=items)
    return flow


@route("POST", "/v1/billing_portal/sessions")
def create_portal_session(call: Call) -> Json:
    """Open the portal for a customer."""
    world, params = call.world, call.params
    customer = live_customer(world, params.need("customer"), param="customer")
    configuration = _configuration(world, params.text("configuration"))
    flow = _flow(world, customer, configuration["features"], params.inside("flow_data"))
    session_id = ids.new_id("billing_portal.session")
    session = {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": world.now(),
        "customer": customer["id"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": params.text("locale"),
        "on_behalf_of": None,
        "return_url": params.text("return_url") or configuration["default_return_url"],
        "url": f"{world.public_url}/p/session/{session_id}",
    }
    return world.add(session, "billing_portal.session.created")
