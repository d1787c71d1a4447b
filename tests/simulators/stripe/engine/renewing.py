"""The end of a period: cancel, or roll the items on and draft the next invoice."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    bills,
    cardholding,
    ending,
    lines,
    phasing,
    schedules,
    standing,
    waiting,
)
from tests.simulators.stripe.periods import next_end
from tests.simulators.stripe.world import World


def end_period(world: World, subscription: Json) -> None:
    """Do what is due when a period, or the trial, is over."""
    if subscription["status"] in ("incomplete", "paused"):
        return
    if standing.period_end(subscription) > world.now():
        return
    schedule = schedules.of(world, subscription)
    if schedule is not None:
        # First of all: the renewal is that of the phase which begins now.
        phasing.turn(world, schedule)
    if subscription["status"] in standing.ENDED:
        return
    planned = subscription["cancel_at"]
    if subscription["cancel_at_period_end"] or (planned and planned <= world.now()):
        ending.end_as_planned(world, subscription)
    elif subscription["status"] != "trialing" or _may_leave_trial(world, subscription):
        _renew(world, subscription)


def _renew(world: World, subscription: Json) -> None:
    now = world.now()
    ended = ended_items(subscription, now)
    with world.change(subscription, standing.UPDATED):
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        for item in subscription["items"]["data"]:
            if item["current_period_end"] <= now:
                roll(subscription, item)
                world.store.touch("subscription_item", item["id"])
        invoice = draft_cycle_invoice(world, subscription, ended=ended)
        subscription["latest_invoice"] = invoice["id"]
    bills.add(world, invoice)
    standing.schedule_period(world, subscription)
    world.schedule(now + world.settings["finalize_after_s"], "finalize_invoice", invoice["id"])


def ended_items(subscription: Json, now: int) -> dict[str, tuple[int, int]]:
    """Return the periods of the items that end now, by item id."""
    return {
        item["id"]: (item["current_period_start"], item["current_period_end"])
        for item in subscription["items"]["data"]
        if item["current_period_end"] <= now
    }


def roll(subscription: Json, item: Json) -> None:
    """Move an item on to its next period; months keep the day of the anchor."""
    recurring = item["price"]["recurring"]
    start = item["current_period_end"]
    item["current_period_start"] = start
    item["current_period_end"] = next_end(
        subscription["billing_cycle_anchor"],
        recurring["interval"],
        recurring["interval_count"],
        start,
    )


def draft_cycle_invoice(
    world: World, subscription: Json, *, ended: dict[str, tuple[int, int]]
) -> Json:
    """Return the draft for the period that begins; the caller adds it to the world."""
    customer = world.store.get("customer", subscription["customer"])
    charged = [
        lines.item_line(
            world,
            item,
            period=(item["current_period_start"], item["current_period_end"]),
        )
        for item in subscription["items"]["data"]
        if item["id"] in ended
    ]
    period = (
        min(start for start, _end in ended.values()),
        max(end for _start, end in ended.values()),
    )
    invoice = bills.make_invoice(
        world,
        customer=customer,
        reason="subscription_cycle",
        lines=[
            *waiting.lines_for(world, subscription),
            *waiting.lines_for_customer(world, customer["id"]),
            *charged,
        ],
        period=period,
        subscription=subscription,
    )
    finalizes = world.now() + world.settings["finalize_after_s"]
    invoice["automatically_finalizes_at"] = finalizes
    if invoice["collection_method"] == "charge_automatically":
        invoice["next_payment_attempt"] = finalizes
    invoice["auto_advance"] = subscription["status"] != "unpaid"
    return invoice


def _may_leave_trial(world: World, subscription: Json) -> bool:
    """Say whether the trial turns into a paid period; without a card the settings decide."""
    behavior = without_card(world, subscription)
    if behavior == "cancel":
        standing.end(world, subscription, reason="cancellation_requested")
    elif behavior == "pause":
        with world.change(subscription, standing.UPDATED):
            subscription["status"] = "paused"
        world.emit("customer.subscription.paused", subscription)
    return behavior == "create_invoice"


def without_card(world: World, subscription: Json) -> str:
    """Return how a trial ends: with an invoice, or for want of a card as its settings say."""
    own = subscription["default_payment_method"]
    if (
        subscription["collection_method"] == "send_invoice"
        or cardholding.default_of(world, subscription["customer"], own) is not None
    ):
        return "create_invoice"
    return str(subscription["trial_settings"]["end_behavior"]["missing_payment_method"])


def end_trial(world: World, subscription: Json) -> None:
    """End a trial before its time that has no card to go on with."""
    now = world.now()
    with world.change(subscription, standing.UPDATED):
        subscription["trial_end"] = now
        for item in subscription["items"]["data"]:
            item["current_period_end"] = now
    _may_leave_trial(world, subscription)
