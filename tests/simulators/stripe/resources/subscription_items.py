"""/v1/subscription_items: the items of a subscription one by one."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import changing
from tests.simulators.stripe.engine.carrying_out import carry_out
from tests.simulators.stripe.engine.changing import Change, Edit, Effect
from tests.simulators.stripe.engine.standing import ENDED
from tests.simulators.stripe.errors import no_such
from tests.simulators.stripe.resources import subscriptions
from tests.simulators.stripe.resources.subscription_changes import PRORATIONS, behavior_of
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World


def _carry_out(call: Call, subscription: Json, *, item_id: str | None, deleted: bool) -> None:
    params = call.params

    def plan(place: World, mine: Json) -> Effect:
        wish = Change(
            edits=[_edit(place, params, item_id, deleted=deleted)],
            proration=params.choice("proration_behavior", PRORATIONS, PRORATIONS[0]),
            at=params.integer("proration_date"),
        )
        return changing.change(place, mine, wish)

    carry_out(
        call.world,
        subscription,
        plan,
        behavior=behavior_of(params),
        off_session=params.boolean("off_session"),
    )


def _edit(world: World, params: Params, item_id: str | None, *, deleted: bool) -> Edit:
    if item_id is None:
        return Edit(
            None,
            subscriptions.recurring_price(world, params),
            subscriptions.quantity_of(params),
            metadata=merge_metadata({}, params),
        )
    item = world.store.get("subscription_item", item_id)
    named = params.has("price") or params.has("price_data")
    price = subscriptions.recurring_price(world, params) if named else None
    return Edit(
        item,
        price,
        subscriptions.quantity_of(params, item["quantity"]),
        deleted=deleted,
        metadata=merge_metadata(item["metadata"], params),
    )


@route("POST", "/v1/subscription_items")
def create_subscription_item(call: Call) -> Json:
    """Add an item to a subscription."""
    world = call.world
    subscription_id = call.params.need("subscription")
    subscription = world.store.get("subscription", subscription_id, param="subscription")
    if subscription["status"] in ENDED:
        raise no_such("subscription", subscription_id, param="subscription", status=400)
    world.follow_clock_of(subscription)
    known = {item["id"] for item in subscription["items"]["data"]}
    _carry_out(call, subscription, item_id=None, deleted=False)
    for item in (subscription["pending_update"] or {}).get("subscription_items", []):
        if item["id"] not in known:
            return dict(item)
    added: Json = subscription["items"]["data"][-1]
    return added


def _item_to_write(call: Call) -> tuple[Json, Json]:
    item = call.world.store.get("subscription_item", call.id)
    subscription = call.world.store.get("subscription", item["subscription"])
    if subscription["status"] in ENDED:
        raise no_such("subscription_item", call.id)
    call.world.follow_clock_of(subscription)
    return item, subscription


@route("POST", "/v1/subscription_items/{}")
def update_subscription_item(call: Call) -> Json:
    """Change the price or the quantity of an item."""
    item, subscription = _item_to_write(call)
    _carry_out(call, subscription, item_id=item["id"], deleted=False)
    return call.world.store.get("subscription_item", call.id)


@route("DELETE", "/v1/subscription_items/{}")
def delete_subscription_item(call: Call) -> Json:
    """Take an item off a subscription."""
    item, subscription = _item_to_write(call)
    call.params.boolean("clear_usage")
    _carry_out(call, subscription, item_id=item["id"], deleted=True)
    return {"id": call.id, "object": "subscription_item", "deleted": True}


@route("GET", "/v1/subscription_items")
def list_subscription_items(call: Call) -> Json:
    """Return the items of a subscription."""
    subscription = call.world.store.get(
        "subscription", call.params.need("subscription"), param="subscription"
    )
    return listing(call, list(subscription["items"]["data"]), kind="subscription_item")


@route("GET", "/v1/subscription_items/{}")
def get_subscription_item(call: Call) -> Json:
    """Return one item."""
    return call.world.store.get("subscription_item", call.id)
