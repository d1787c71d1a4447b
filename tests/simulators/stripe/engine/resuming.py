"""Taking up a paused subscription again."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import changing, prorating, standing
from tests.simulators.stripe.periods import next_end, start_before
from tests.simulators.stripe.world import World


def resume(world: World, subscription: Json, *, anchor_now: bool, prorates: bool) -> Json | None:
    """Let a subscription go on; return the draft of what is to be paid for it now.

    With the anchor unchanged only what is left of the running period is charged, or nothing.
    """
    now = world.now()
    with world.change(subscription, standing.UPDATED):
        subscription["status"] = "active"
        if anchor_now:
            subscription["billing_cycle_anchor"] = now
        anchor = subscription["billing_cycle_anchor"]
        for item in subscription["items"]["data"]:
            every = changing.rhythm(item["price"])
            end = next_end(anchor, *every, now)
            item["current_period_end"] = end
            item["current_period_start"] = start_before(anchor, *every, end)
            world.store.touch("subscription_item", item["id"])
            if not anchor_now and prorates:
                prorating.charge(world, subscription, item, now)
    standing.schedule_period(world, subscription)
    effect = changing.Effect(restarted=anchor_now, bills_now=True)
    invoice = changing.draft_bill(world, subscription, effect)
    world.emit("customer.subscription.resumed", subscription)
    return invoice
