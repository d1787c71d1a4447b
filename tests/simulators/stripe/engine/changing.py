"""Changing a running subscription: its items, its anchor, its trial, and what that costs now."""

from dataclasses import dataclass, field

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    advancing,
    bills,
    invoicing,
    lines,
    prorating,
    standing,
    waiting,
)
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.periods import next_end, start_before
from tests.simulators.stripe.world import World

PRORATED = ("active", "past_due", "unpaid")


@dataclass(frozen=True)
class Edit:
    """One item as it is (None: a new one) and as it is to be."""

    item: Json | None
    price: Json | None
    quantity: int
    deleted: bool = False
    metadata: Json | None = None

    @property
    def changes_price(self) -> bool:
        """Say whether the item gets another price."""
        return self.price is not None and (
            self.item is None or self.price["id"] != self.item["price"]["id"]
        )

    @property
    def costs(self) -> bool:
        """Say whether anything is different that has a price."""
        if self.item is None or self.deleted or self.changes_price:
            return True
        return bool(self.quantity != self.item["quantity"])


@dataclass(frozen=True)
class Change:
    """What is to become of a subscription. `trial_end` now or earlier ends the trial."""

    edits: list[Edit] = field(default_factory=list)
    proration: str = "create_prorations"
    at: int | None = None
    anchor_now: bool = False
    trial_end: int | None = None


@dataclass(frozen=True)
class Effect:
    """What a change led to: new periods began with it, its difference is to be paid now, or it
    costs nothing at all."""

    restarted: bool
    bills_now: bool
    costs: bool = True


def change(world: World, subscription: Json, wish: Change) -> Effect:
    """Carry a change out, prorations included; the caller drafts the bill of it."""
    check(world, subscription, wish)
    costs = any(edit.costs for edit in wish.edits)
    bills_now = wish.proration == "always_invoice" and costs
    moment = _moment(world, subscription, wish)
    prorates = wish.proration != "none" and subscription["status"] in PRORATED
    restarts = _restarts(world, subscription, wish)
    begins_trial = wish.trial_end is not None and wish.trial_end > world.now()
    if prorates:
        for item in _credited(subscription, wish, everything=restarts or begins_trial):
            prorating.credit(world, subscription, item, moment)
    changed = [apply_edit(world, subscription, edit) for edit in wish.edits]
    if begins_trial:
        began = _begin_trial(world, subscription, wish.trial_end or 0)
        return Effect(restarted=began, bills_now=bills_now)
    if restarts:
        _restart(world, subscription)
    elif prorates:
        for item in filter(None, changed):
            prorating.charge(world, subscription, item, moment)
    return Effect(restarted=restarts, bills_now=bills_now, costs=costs or restarts)


def _credited(subscription: Json, wish: Change, *, everything: bool) -> list[Json]:
    if everything:
        return list(subscription["items"]["data"])
    return [edit.item for edit in wish.edits if edit.item is not None and edit.costs]


def check(world: World, subscription: Json, wish: Change) -> None:
    """Refuse what cannot be, before anything is touched."""
    _moment(world, subscription, wish)
    left = len(subscription["items"]["data"])
    for edit in wish.edits:
        left += (edit.item is None) - (edit.deleted and edit.item is not None)
        if edit.price is not None and edit.price["currency"] != subscription["currency"]:
            raise Refusal(
                "All prices on a subscription must use the same currency: "
                f"{edit.price['currency']} is not {subscription['currency']}.",
                param="items",
            )
    if left < 1:
        raise Refusal("A subscription must have at least one active item.", param="items")


def _moment(world: World, subscription: Json, wish: Change) -> int:
    if wish.at is None:
        return world.now()
    items = subscription["items"]["data"]
    start = min(item["current_period_start"] for item in items)
    end = max(item["current_period_end"] for item in items)
    if not start <= wish.at <= end:
        raise Refusal(
            "Invalid proration_date: it must be within the current period of the subscription "
            f"({start} to {end}).",
            param="proration_date",
        )
    return wish.at


def rhythm(price: Json) -> tuple[str, int]:
    """Return how often a price is charged."""
    recurring = price["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _restarts(world: World, subscription: Json, wish: Change) -> bool:
    """Say whether new periods begin now: another interval, a moved anchor, an ended trial."""
    trialing = subscription["status"] == "trialing"
    if wish.trial_end is not None:
        return trialing and wish.trial_end <= world.now()
    if trialing or subscription["status"] == "paused":
        return False
    return wish.anchor_now or any(
        edit.item is not None
        and edit.price is not None
        and not edit.deleted
        and rhythm(edit.price) != rhythm(edit.item["price"])
        for edit in wish.edits
    )


def apply_edit(world: World, subscription: Json, edit: Edit) -> Json | None:
    """Make an item as it is to be; return it if it costs something else from now on."""
    items: list[Json] = subscription["items"]["data"]
    if edit.deleted:
        if edit.item is not None:
            items.remove(edit.item)
            world.store.remove("subscription_item", edit.item["id"])
            subscription["items"]["total_count"] = len(items)
        return None
    if edit.item is None:
        return _add(world, subscription, edit)
    item, costs = edit.item, edit.costs
    item["quantity"] = edit.quantity
    if edit.price is not None and edit.changes_price:
        item["price"], item["plan"] = edit.price, lines.plan_of(edit.price)
    if edit.metadata is not None:
        item["metadata"] = edit.metadata
    world.store.touch("subscription_item", item["id"])
    return item if costs else None


def _restart(world: World, subscription: Json) -> None:
    """Begin new periods: the anchor moves to now, as at Stripe."""
    now = world.now()
    if subscription["status"] == "trialing":
        subscription["status"], subscription["trial_end"] = "active", now
    subscription["billing_cycle_anchor"] = now
    for item in subscription["items"]["data"]:
        item["current_period_start"] = now
        item["current_period_end"] = next_end(now, *rhythm(item["price"]), now)
        world.store.touch("subscription_item", item["id"])
    _note_period(world, subscription)


def _begin_trial(world: World, subscription: Json, end: int) -> bool:
    """Begin a trial, or move the end of a running one; say whether it has just begun."""
    began: bool = subscription["status"] != "trialing"
    now = world.now()
    subscription.update(status="trialing", trial_end=end, billing_cycle_anchor=end)
    subscription["trial_start"] = now if began else subscription["trial_start"]
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
        if began:
            item["current_period_start"] = now
        world.store.touch("subscription_item", item["id"])
    _note_period(world, subscription)
    return began


def _note_period(world: World, subscription: Json) -> None:
    standing.schedule_period(world, subscription)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = standing.period_end(subscription)


def _add(world: World, subscription: Json, edit: Edit) -> Json:
    if edit.price is None:
        raise missing("items[0][price]")
    anchor, every = subscription["billing_cycle_anchor"], rhythm(edit.price)
    start, end = world.now(), anchor
    if subscription["status"] != "trialing":
        # The whole period that runs, so that what is left of it is charged and no more.
        end = next_end(anchor, *every, world.now())
        start = start_before(anchor, *every, end)
    item = lines.make_item(
        world,
        subscription=subscription["id"],
        price=edit.price,
        quantity=edit.quantity,
        period=(start, end),
        metadata=edit.metadata or {},
    )
    world.store.put("subscription_item", item["id"], item)
    subscription["items"]["data"].append(item)
    subscription["items"]["total_count"] = len(subscription["items"]["data"])
    world.schedule(end, "end_period", subscription["id"])
    return item


def draft_bill(world: World, subscription: Json, effect: Effect) -> Json | None:
    """Draft the invoice of a change: when it was asked for, or because new periods have begun."""
    billable = subscription["status"] in (*PRORATED, "trialing")
    if not billable or not (effect.bills_now or effect.restarted):
        return None
    billed = waiting.lines_for(world, subscription)
    if effect.restarted:
        trial = subscription["status"] == "trialing"
        billed += [
            lines.item_line(
                world,
                item,
                period=(item["current_period_start"], item["current_period_end"]),
                trial=trial,
            )
            for item in subscription["items"]["data"]
        ]
    if not billed:
        return None
    now = world.now()
    invoice = bills.make_invoice(
        world,
        customer=world.store.get("customer", subscription["customer"]),
        reason="subscription_update",
        lines=billed,
        period=(now, now),
        subscription=subscription,
    )
    with world.change(subscription, standing.UPDATED):
        subscription["latest_invoice"] = invoice["id"]
    return bills.add(world, invoice)


def collect_bill(
    world: World, subscription: Json, invoice: Json, *, off_session: bool, behavior: str
) -> None:
    """Open the invoice of a change, and charge it unless its payer is to confirm that."""
    if subscription["collection_method"] == "send_invoice":
        due = world.now() + world.settings["finalize_after_s"]
        world.schedule(due, "finalize_invoice", invoice["id"])
        return
    if behavior != "default_incomplete" or subscription["pause_collection"] is not None:
        advancing.advance(world, invoice, off_session=off_session, retry=False)
        return
    invoicing.finalize(world, invoice)
    if invoice["status"] == "open":
        standing.follow_failed(world, invoice)
