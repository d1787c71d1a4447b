"""Pending updates: a change that waits until the invoice of it is paid."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import standing
from tests.simulators.stripe.store import copied
from tests.simulators.stripe.world import World

_KIND = "_pending_update"
_HOURS = 23
_TAKEN = ("items", "billing_cycle_anchor", "trial_end", "trial_start", "status", "discounts")


def put_off(world: World, subscription: Json, changed: Json, invoice: Json) -> None:
    """Note what a subscription is to become; nothing of it holds yet."""
    goal = copied({field: changed[field] for field in _TAKEN})
    expires = world.now() + _HOURS * 3600
    row = {"id": subscription["id"], "invoice": invoice["id"], "goal": goal, "expires": expires}
    world.store.put(_KIND, subscription["id"], row)
    with world.change(subscription, standing.UPDATED):
        subscription["latest_invoice"] = invoice["id"]
        anchor = goal["billing_cycle_anchor"]
        moved = anchor != subscription["billing_cycle_anchor"]
        subscription["pending_update"] = {
            "billing_cycle_anchor": anchor if moved else None,
            "expires_at": expires,
            "subscription_items": goal["items"]["data"],
            "trial_end": goal["trial_end"],
            "trial_from_plan": False,
        }
    world.schedule(expires, "expire_pending_update", subscription["id"])


def of_invoice(world: World, invoice: Json) -> Json | None:
    """Return the subscription whose pending update an invoice decides about."""
    subscription = standing.subscription_of(world, invoice)
    row = world.store.find(_KIND, subscription["id"]) if subscription is not None else None
    return subscription if row is not None and row["invoice"] == invoice["id"] else None


def apply(world: World, subscription: Json) -> None:
    """Let the change hold, now that it is paid."""
    goal = world.store.get(_KIND, subscription["id"])["goal"]
    world.store.remove(_KIND, subscription["id"])
    with world.change(subscription, standing.UPDATED):
        former = {item["id"]: item for item in subscription["items"]["data"]}
        subscription.update(goal)
        subscription["pending_update"] = None
        for item in goal["items"]["data"]:
            former.pop(item["id"], None)
            item["price"] = world.store.get("price", item["price"]["id"])
            world.store.put("subscription_item", item["id"], item)
        for item_id in former:
            world.store.remove("subscription_item", item_id)
    standing.schedule_period(world, subscription)
    world.emit("customer.subscription.pending_update_applied", subscription)


def drop(world: World, subscription: Json) -> Json | None:
    """Give a pending update up: it expired, or another change came; return its invoice."""
    row = world.store.find(_KIND, subscription["id"])
    if row is None:
        return None
    world.store.remove(_KIND, subscription["id"])
    with world.change(subscription, standing.UPDATED):
        subscription["pending_update"] = None
    world.emit("customer.subscription.pending_update_expired", subscription)
    return world.store.find("invoice", row["invoice"])


def is_over(world: World, subscription: Json) -> bool:
    """Say whether the time to pay for a pending update is over."""
    row = world.store.find(_KIND, subscription["id"])
    return row is not None and row["expires"] <= world.now()
