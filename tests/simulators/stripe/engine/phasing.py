"""Phases taking effect: at the boundary of a period without prorations, in between with them."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    cardholding,
    changing,
    coupons,
    ending,
    schedules,
    standing,
    subscribing,
)
from tests.simulators.stripe.engine.changing import Change, Edit
from tests.simulators.stripe.engine.coupons import Redemption
from tests.simulators.stripe.engine.subscribing import Start, Wanted
from tests.simulators.stripe.world import World


def turn(world: World, schedule: Json) -> None:
    """Enter the phase that is due, or do what is to be done after the last one."""
    if schedule["status"] not in schedules.RUNNING:
        return
    phase = schedules.phase_at(schedule, world.now())
    current = schedule["current_phase"]
    if phase is None:
        if world.now() >= schedule["phases"][-1]["end_date"]:
            _finish(world, schedule)
    elif current is None or current["start_date"] != phase["start_date"]:
        enter(world, schedule, phase)


def _finish(world: World, schedule: Json) -> None:
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    if schedule["end_behavior"] == "release":
        schedules.release(world, schedule)
        return
    schedules.close(world, schedule, "completed")
    if subscription is not None and subscription["status"] not in standing.ENDED:
        ending.end_as_planned(world, subscription)


def enter(world: World, schedule: Json, phase: Json) -> None:
    """Let a phase take effect on its subscription, which begins with it if there is none."""
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    with world.change(schedule, f"{schedules.KIND}.updated"):
        if subscription is None:
            subscription = _begin(world, schedule, phase)
            schedules.attach(schedule, subscription, phase)
            world.touch(subscription)
        else:
            schedules.enter(schedule, phase)
            apply(world, subscription, phase, proration=phase["proration_behavior"])


def _begin(world: World, schedule: Json, phase: Json) -> Json:
    customer = world.store.get("customer", schedule["customer"])
    settings = schedule["default_settings"]
    method = phase["default_payment_method"] or settings["default_payment_method"]
    known = cardholding.default_of(world, customer["id"], method) is not None
    return subscribing.start(
        world,
        Start(
            customer=customer,
            items=[
                Wanted(world.store.get("price", item["price"]), item["quantity"], item["metadata"])
                for item in phase["items"]
            ],
            behavior="allow_incomplete" if known else "default_incomplete",
            collection_method=phase["collection_method"] or settings["collection_method"],
            default_payment_method=method,
            trial_end=phase["trial_end"],
            metadata=dict(phase["metadata"]),
            discounts=[_redemption(world, entry) for entry in phase["discounts"]],
            details={"days_until_due": settings["invoice_settings"]["days_until_due"]},
        ),
    )


def apply(world: World, subscription: Json, phase: Json, *, proration: str) -> None:
    """Give a subscription the items and details of a phase."""
    wish = Change(
        edits=_edits(world, subscription, phase),
        proration=proration,
        anchor_now=phase["billing_cycle_anchor"] == "phase_start",
        trial_end=phase["trial_end"],
    )
    with world.change(subscription, standing.UPDATED):
        subscription["metadata"] = {**subscription["metadata"], **phase["metadata"]}
        _discount(world, subscription, phase)
        for field in ("default_payment_method", "description"):
            if phase[field] is not None:
                subscription[field] = phase[field]
        if standing.period_end(subscription) <= world.now():
            # The renewal that follows bills the new period as the phase has it.
            _exchange(world, subscription, wish)
            return
        effect = changing.change(world, subscription, wish)
    invoice = changing.draft_bill(world, subscription, effect)
    if invoice is not None:
        changing.collect_bill(
            world, subscription, invoice, off_session=True, behavior="allow_incomplete"
        )


def _discount(world: World, subscription: Json, phase: Json) -> None:
    """Let the phase's discounts hold and no others: what it does not name ends with it."""
    running = {row_id: world.store.get("discount", row_id) for row_id in subscription["discounts"]}
    wanted = []
    for entry in phase["discounts"]:
        kept = running.get(entry["discount"]) or next(
            (row for row in running.values() if _is_of(row, entry)), None
        )
        if kept is not None:
            wanted.append(Redemption(coupons.coupon_of(world, kept), kept=kept))
        elif entry["discount"] is None:
            wanted.append(_redemption(world, entry))
    coupons.put_on(world, subscription, wanted)


def _is_of(discount: Json, entry: Json) -> bool:
    if entry["promotion_code"] is not None:
        return bool(discount["promotion_code"] == entry["promotion_code"])
    return bool(discount["source"]["coupon"] == entry["coupon"])


def _redemption(world: World, entry: Json) -> Redemption:
    """Return what was checked when it was planned, even if it has expired since."""
    if entry["promotion_code"] is None:
        return Redemption(world.store.get("coupon", entry["coupon"]))
    code = world.store.get("promotion_code", entry["promotion_code"])
    return Redemption(world.store.get("coupon", code["promotion"]["coupon"]), code)


def _edits(world: World, subscription: Json, phase: Json) -> list[Edit]:
    """Return how the items become the phase's: by price first, the rest pair by pair."""
    left = list(subscription["items"]["data"])
    pairs: list[tuple[Json, Json | None]] = []
    for wanted in phase["items"]:
        same = next((item for item in left if item["price"]["id"] == wanted["price"]), None)
        if same is not None:
            left.remove(same)
        pairs.append((wanted, same))
    edits = []
    for wanted, same in pairs:
        item = same if same is not None else (left.pop(0) if left else None)
        edits.append(
            Edit(
                item,
                world.store.get("price", wanted["price"]),
                wanted["quantity"],
                metadata=wanted["metadata"],
            )
        )
    return [*edits, *(Edit(item, None, 0, deleted=True) for item in left)]


def _exchange(world: World, subscription: Json, wish: Change) -> None:
    """Exchange items just when their period is over: what they are now begins with the next."""
    now = world.now()
    rhythms = {changing.rhythm(item["price"]) for item in subscription["items"]["data"]}
    for edit in wish.edits:
        item = changing.apply_edit(world, subscription, edit)
        if item is not None and edit.item is None:
            item["current_period_start"] = item["current_period_end"] = now
    after = {changing.rhythm(item["price"]) for item in subscription["items"]["data"]}
    if wish.anchor_now or after != rhythms:
        subscription["billing_cycle_anchor"] = now


def differs(subscription: Json, phase: Json) -> bool:
    """Say whether a phase has other items or discounts than its subscription has now."""
    if len(phase["discounts"]) != len(subscription["discounts"]):
        return True

    def told(items: list[Json]) -> list[tuple[str, int]]:
        return sorted((item["price"], item["quantity"]) for item in items)

    return told(phase["items"]) != told(schedules.items_of(subscription))
