"""/v1/billing_portal/configurations: what payers may do in the portal."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_KIND = "billing_portal.configuration"


_PRORATIONS = ("always_invoice", "create_prorations", "none")


def blank_features() -> Json:
    """Return the features of a configuration in which nothing is switched on."""
    return {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": None,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def _assign_features(world: World, features: Json, params: Params) -> None:
    """Change the features that were sent; the others stay as they are."""
    for name, feature in features.items():
        given = params.inside(name)
        if given.has("enabled"):
            feature["enabled"] = given.boolean("enabled")
    updates = params.inside("customer_update")
    if updates.has("allowed_updates"):
        features["customer_update"]["allowed_updates"] = updates.texts("allowed_updates")
    _assign_cancel(features["subscription_cancel"], params.inside("subscription_cancel"))
    _assign_update(world, features["subscription_update"], params.inside("subscription_update"))


def _assign_cancel(feature: Json, params: Params) -> None:
    modes = ("at_period_end", "immediately")
    feature["mode"] = params.choice("mode", modes, feature["mode"])
    feature["proration_behavior"] = params.choice(
        "proration_behavior", _PRORATIONS, feature["proration_behavior"]
    )
    reason = params.inside("cancellation_reason")
    if reason.has("enabled"):
        feature["cancellation_reason"] = {
            "enabled": reason.boolean("enabled"),
            "options": reason.texts("options"),
        }


def _assign_update(world: World, feature: Json, params: Params) -> None:
    if params.has("default_allowed_updates"):
        feature["default_allowed_updates"] = params.texts("default_allowed_updates")
    if params.has("products"):
        feature["products"] = [_product(world, entry) for entry in params.each("products")]
    feature["proration_behavior"] = params.choice(
        "proration_behavior", _PRORATIONS, feature["proration_behavior"]
    )
    if feature["enabled"] and not (feature["default_allowed_updates"] and feature["products"]):
        raise missing(params.name("products"))


def _product(world: World, params: Params) -> Json:
    product = world.store.get("product", params.need("product"), param=params.name("product"))
    prices = params.texts("prices")
    for price_id in prices:
        price = world.store.get("price", price_id, param=params.name("prices"))
        if price["product"] != product["id"] or price["recurring"] is None:
            raise Refusal(
                f"The price {price_id} is not a recurring price of {product['id']}.",
                param=params.name("prices"),
            )
    adjustable = params.inside("adjustable_quantity")
    least = adjustable.integer("minimum")
    return {
        "adjustable_quantity": {
            "enabled": adjustable.boolean("enabled"),
            "maximum": adjustable.integer("maximum"),
            "minimum": 1 if least is None else least,
        },
        "prices": prices,
        "product": product["id"],
    }


def _assign(world: World, configuration: Json, params: Params) -> None:
    for field in ("default_return_url", "name"):
        if params.has(field):
            configuration[field] = params.text(field)
    profile = params.inside("business_profile")
    for field in configuration["business_profile"]:
        if profile.has(field):
            configuration["business_profile"][field] = profile.text(field)
    _assign_features(world, configuration["features"], params.inside("features"))
    configuration["metadata"] = merge_metadata(configuration["metadata"], params)


@route("POST", "/v1/billing_portal/configurations")
def create_configuration(call: Call) -> Json:
    """Create a configuration; the first one is the default."""
    world = call.world
    configuration: Json = {
        "id": ids.new_id(_KIND),
        "object": _KIND,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": world.now(),
        "default_return_url": None,
        "features": blank_features(),
        "is_default": not list(world.store.rows(_KIND)),
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": world.now(),
    }
    _assign(world, configuration, call.params)
    return world.add(configuration, "billing_portal.configuration.created")


@route("GET", "/v1/billing_portal/configurations/{}")
def get_configuration(call: Call) -> Json:
    """Return a configuration."""
    return call.world.store.get(_KIND, call.id)


@route("POST", "/v1/billing_portal/configurations/{}")
def update_configuration(call: Call) -> Json:
    """Change a configuration; one that is not active opens no portal."""
    configuration = call.world.store.get(_KIND, call.id)
    params = call.params
    with call.world.change(configuration, "billing_portal.configuration.updated"):
        if params.has("active"):
            configuration["active"] = params.boolean("active")
        _assign(call.world, configuration, params)
        configuration["updated"] = call.world.now()
    return configuration


@route("GET", "/v1/billing_portal/configurations")
def list_configurations(call: Call) -> Json:
    """Return configurations, all or those that are active, or the default one."""
    params, rows = call.params, list(call.world.store.rows(_KIND))
    for field in ("active", "is_default"):
        if params.has(field):
            rows = [row for row in rows if row[field] == params.boolean(field)]
    return listing(call, rows, kind=_KIND)
