"""POST /v1/subscriptions/{id} and /v1/subscription_items: changing what runs."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import changing, standing, subscribing
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources import subscriptions
from tests.simulators.stripe.resources.customers import require_attached
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

PRORATIONS = ("create_prorations", "always_invoice", "none")


@route("POST", "/v1/subscriptions/{}")
def update_subscription(call: Call) -> Json:
    """Change a running subscription."""
    world, params = call.world, call.params
    subscription = subscriptions.live_subscription(call)
    edits = [_edit(world, subscription, item) for item in params.each("items")]
    behavior = params.choice("payment_behavior", subscriptions.BEHAVIORS, "allow_incomplete")
    always = params.text("proration_behavior") == "always_invoice"
    if edits and always and behavior == "error_if_incomplete":
        subscribing.refuse_in_advance(
            world, subscription, off_session=params.boolean("off_session")
        )
    with world.change(subscription, standing.UPDATED):
        _assign(world, subscription, params)
        _set_cancellation(world, subscription, params)
        _set_trial(world, subscription, params)
        _set_pause(world, subscription, params)
        if edits:
            changing.change_items(
                world,
                subscription,
                edits,
                proration=params.choice("proration_behavior", PRORATIONS, PRORATIONS[0]),
                at=params.integer("proration_date"),
            )
    if edits:
        changing.bill_change(
            world,
            subscription,
            always=always,
            off_session=params.boolean("off_session"),
            behavior=behavior,
        )
    return subscription


def _edit(world: World, subscription: Json, params: Params) -> changing.Edit:
    item_id = params.text("id")
    item = None
    if item_id is not None:
        item = world.store.get("subscription_item", item_id, param=params.name("id"))
        if item["subscription"] != subscription["id"]:
            raise Refusal(
                f"No such subscription item: '{item_id}'",
                code="resource_missing",
                param=params.name("id"),
            )
    deleted = params.boolean("deleted")
    price = None
    if params.has("price") or params.has("price_data") or item is None:
        price = subscriptions.recurring_price(world, params)
    quantity = subscriptions.quantity_of(params, item["quantity"] if item is not None else 1)
    return changing.Edit(item, price, quantity, deleted=deleted)


def _assign(world: World, subscription: Json, params: Params) -> None:
    if params.has("default_payment_method"):
        method_id = params.text("default_payment_method")
        if method_id is not None:
            require_attached(
                world, subscription["customer"], method_id, params, "default_payment_method"
            )
        subscription["default_payment_method"] = method_id
    plain = subscriptions.details(world, params)
    for handled_below in ("cancel_at", "cancel_at_period_end"):
        plain.pop(handled_below, None)
    subscription.update(plain)
    if params.has("collection_method"):
        subscription["collection_method"] = params.need("collection_method")
    subscription["metadata"] = merge_metadata(subscription["metadata"], params)


def _set_cancellation(world: World, subscription: Json, params: Params) -> None:
    if params.has("cancel_at_period_end"):
        wanted = params.boolean("cancel_at_period_end")
        subscription["cancel_at_period_end"] = wanted
        _note_cancellation(
            world, subscription, standing.period_end(subscription) if wanted else None
        )
    if params.has("cancel_at"):
        given = params.text("cancel_at")
        moment = None
        if given in ("min_period_end", "max_period_end"):
            moment = standing.period_end(subscription)
        elif given is not None:
            moment = params.integer("cancel_at")
        _note_cancellation(world, subscription, moment)
        if moment is not None:
            world.schedule(moment, "cancel_at", subscription["id"])
    details = params.inside("cancellation_details")
    for field in ("comment", "feedback"):
        if details.has(field):
            subscription["cancellation_details"][field] = details.text(field)


def _note_cancellation(world: World, subscription: Json, moment: int | None) -> None:
    planned = moment is not None
    subscription["cancel_at"] = moment
    subscription["canceled_at"] = world.now() if planned else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if planned else None


def _set_trial(world: World, subscription: Json, params: Params) -> None:
    given = params.text("trial_end")
    if given is None:
        return
    end = world.now() if given == "now" else params.integer("trial_end") or 0
    if given != "now" and end <= world.now():
        raise Refusal("Invalid timestamp: must be an integer Unix timestamp in the future.")
    subscription["trial_end"] = end
    subscription["trial_start"] = subscription["trial_start"] or world.now()
    subscription["billing_cycle_anchor"] = end
    subscription["status"] = "trialing"
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
    world.schedule(end, "end_period", subscription["id"])


def _set_pause(world: World, subscription: Json, params: Params) -> None:
    if not params.has("pause_collection"):
        return
    pause = params.inside("pause_collection")
    if not pause.data:
        subscription["pause_collection"] = None
        return
    resumes = pause.integer("resumes_at")
    subscription["pause_collection"] = {
        "behavior": pause.choice(
            "behavior", ("keep_as_draft", "mark_uncollectible", "void"), "keep_as_draft"
        ),
        "resumes_at": resumes,
    }
    if resumes is not None:
        world.schedule(resumes, "resume_collection", subscription["id"])
