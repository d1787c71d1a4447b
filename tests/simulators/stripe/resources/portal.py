"""/v1/billing_portal."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_KIND = "billing_portal.configuration"


def _features(params: Params) -> Json:
    cancel = params.inside("subscription_cancel")
    update = params.inside("subscription_update")
    customer = params.inside("customer_update")
    return {
        "customer_update": {
            "allowed_updates": customer.texts("allowed_updates"),
            "enabled": customer.boolean("enabled"),
        },
        "invoice_history": {"enabled": params.inside("invoice_history").boolean("enabled")},
        "payment_method_update": {
            "enabled": params.inside("payment_method_update").boolean("enabled"),
            "payment_method_configuration": None,
        },
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": cancel.boolean("enabled"),
            "mode": cancel.choice("mode", ("at_period_end", "immediately"), "at_period_end"),
            "proration_behavior": cancel.text("proration_behavior") or "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": update.texts("default_allowed_updates"),
            "enabled": update.boolean("enabled"),
            "products": None,
            "proration_behavior": update.text("proration_behavior") or "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


@route("POST", "/v1/billing_portal/configurations")
def create_configuration(call: Call) -> Json:
    """Create a configuration; the first one is the default."""
    world, params = call.world, call.params
    profile = params.inside("business_profile")
    configuration = {
        "id": ids.new_id(_KIND),
        "object": _KIND,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": profile.text("headline"),
            "privacy_policy_url": profile.text("privacy_policy_url"),
            "terms_of_service_url": profile.text("terms_of_service_url"),
        },
        "created": world.now(),
        "default_return_url": params.text("default_return_url"),
        "features": _features(params.inside("features")),
        "is_default": not list(world.store.rows(_KIND)),
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": merge_metadata({}, params),
        "name": params.text("name"),
        "updated": world.now(),
    }
    return world.add(configuration, "billing_portal.configuration.created")


@route("GET", "/v1/billing_portal/configurations/{}")
def get_configuration(call: Call) -> Json:
    """Return a configuration."""
    return call.world.store.get(_KIND, call.id)


@route("POST", "/v1/billing_portal/configurations/{}")
def update_configuration(call: Call) -> Json:
    """Change a configuration."""
    configuration = call.world.store.get(_KIND, call.id)
    params = call.params
    with call.world.change(configuration, "billing_portal.configuration.updated"):
        if params.has("active"):
            configuration["active"] = params.boolean("active")
        if params.has("default_return_url"):
            configuration["default_return_url"] = params.text("default_return_url")
        if params.has("features"):
            configuration["features"] = _features(params.inside("features"))
        configuration["metadata"] = merge_metadata(configuration["metadata"], params)
    return configuration


@route("GET", "/v1/billing_portal/configurations")
def list_configurations(call: Call) -> Json:
    """Return all configurations."""
    return listing(call, call.world.store.rows(_KIND), kind=_KIND)


def _configuration(world: World, chosen: str | None) -> Json:
    if chosen is not None:
        return world.store.get(_KIND, chosen, param="configuration")
    for row in world.store.rows(_KIND):
        if row["is_default"]:
            return row
    raise Refusal(
        "No configuration provided and your test mode default configuration has not been "
        "created. Provide a configuration or create your default by saving your customer portal "
        "settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal."
    )


@route("POST", "/v1/billing_portal/sessions")
def create_portal_session(call: Call) -> Json:
    """Open the portal for a customer."""
    world, params = call.world, call.params
    customer = live_customer(world, params.need("customer"), param="customer")
    configuration = _configuration(world, params.text("configuration"))
    session_id = ids.new_id("billing_portal.session")
    session = {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": world.now(),
        "customer": customer["id"],
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": params.text("locale"),
        "on_behalf_of": None,
        "return_url": params.text("return_url") or configuration["default_return_url"],
        "url": f"{world.public_url}/p/session/{session_id}",
    }
    return world.add(session, "billing_portal.session.created")
