"""The subscription schedule object and its phases."""

from dataclasses import dataclass, field

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import after
from tests.simulators.stripe.world import World

KIND = "subscription_schedule"
RUNNING = ("not_started", "active")
_EXPIRING_S = 7 * 86_400


@dataclass(frozen=True)
class PhaseWish:
    """A phase as it is asked for; without an end it lasts one period of its first price."""

    items: list[Json]
    currency: str
    start: int | None = None
    end: int | None = None
    duration: tuple[str, int] | None = None
    proration: str = "create_prorations"
    anchor: str | None = None
    trial_end: int | None = None
    trial: bool = False
    param: str = "phases"
    details: Json = field(default_factory=dict)


def phase_item(price: Json, quantity: int, metadata: Json) -> Json:
    """Return an item of a phase."""
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata,
        "plan": price["id"],
        "price": price["id"],
        "quantity": quantity,
        "tax_rates": [],
    }


def phase_discount(
    *, coupon: str | None = None, code: str | None = None, discount: str | None = None
) -> Json:
    """Return a discount of a phase."""
    return {"coupon": coupon, "discount": discount, "promotion_code": code}


def items_of(subscription: Json) -> list[Json]:
    """Return the items of a subscription as a phase shows them."""
    return [
        phase_item(item["price"], item["quantity"], dict(item["metadata"]))
        for item in subscription["items"]["data"]
    ]


def make_phase(
    *, items: list[Json], currency: str, start: int, end: int, details: Json | None = None
) -> Json:
    """Return a phase; `details` are the fields that differ from the usual."""
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": items,
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
        **(details or {}),
    }


def phases_of(world: World, wishes: list[PhaseWish], start: int) -> list[Json]:
    """Return the phases that are wished for, one after the other without a gap."""
    phases: list[Json] = []
    for wish in wishes:
        if wish.start is not None and wish.start != start:
            raise Refusal(
                "The start_date of a phase must be the end_date of the phase before it.",
                param=f"{wish.param}[start_date]",
            )
        end = _end_of(world, wish, start)
        if end <= start:
            raise Refusal(
                "The end_date of a phase must be after its start_date.",
                param=f"{wish.param}[end_date]",
            )
        details = {
            **wish.details,
            "billing_cycle_anchor": wish.anchor,
            "proration_behavior": wish.proration,
            "trial_end": end if wish.trial else wish.trial_end,
        }
        phases.append(
            make_phase(
                items=wish.items, currency=wish.currency, start=start, end=end, details=details
            )
        )
        start = end
    return phases


def _end_of(world: World, wish: PhaseWish, start: int) -> int:
    if wish.end is not None:
        return wish.end
    if wish.duration is not None:
        return after(start, wish.duration[0], wish.duration[1], 1)
    recurring = world.store.get("price", wish.items[0]["price"])["recurring"]
    return after(start, recurring["interval"], recurring["interval_count"], 1)


def make(
    world: World,
    *,
    customer: Json,
    phases: list[Json],
    end_behavior: str,
    metadata: Json,
    subscription: Json | None,
) -> Json:
    """Add a schedule, attached to a subscription if there is one already."""
    now = world.now()
    source = subscription or {}
    schedule = {
        "id": ids.new_id(KIND),
        "object": KIND,
        "application": None,
        "billing_mode": source.get("billing_mode")
        or {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": now,
        },
        "canceled_at": None,
        "completed_at": None,
        "created": now,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": source.get("collection_method", "charge_automatically"),
            "default_payment_method": source.get("default_payment_method"),
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "days_until_due": source.get("days_until_due"),
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": end_behavior,
        "livemode": False,
        "metadata": metadata,
        "phases": phases,
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": customer["test_clock"],
    }
    if subscription is not None:
        attach(schedule, subscription, phases[0])
        world.touch(subscription)
    world.add(schedule, f"{KIND}.created")
    note_dates(world, schedule)
    return schedule


def attach(schedule: Json, subscription: Json, phase: Json) -> None:
    """Let a schedule manage a subscription, from this phase on."""
    schedule["subscription"], schedule["status"] = subscription["id"], "active"
    subscription["schedule"] = schedule["id"]
    enter(schedule, phase)


def enter(schedule: Json, phase: Json) -> None:
    """Note which phase runs."""
    schedule["current_phase"] = {
        "end_date": phase["end_date"],
        "start_date": phase["start_date"],
    }


def note_dates(world: World, schedule: Json) -> None:
    """Note when phases begin and end, and when the end is to be announced."""
    now = world.now()
    moments = {phase["start_date"] for phase in schedule["phases"]}
    last = schedule["phases"][-1]["end_date"]
    for moment in sorted({*moments, last}):
        if moment > now:
            world.schedule(moment, "turn_phase", schedule["id"])
    world.schedule(max(last - _EXPIRING_S, now), "announce_schedule_end", schedule["id"])


def announce_end(world: World, schedule: Json) -> None:
    """Emit that a schedule is about to end."""
    last = schedule["phases"][-1]["end_date"]
    if schedule["status"] == "active" and last - _EXPIRING_S <= world.now() < last:
        world.emit(f"{KIND}.expiring", schedule)


def phase_at(schedule: Json, moment: int) -> Json | None:
    """Return the phase that a moment falls into."""
    for phase in schedule["phases"]:
        if phase["start_date"] <= moment < phase["end_date"]:
            found: Json = phase
            return found
    return None


def of(world: World, subscription: Json) -> Json | None:
    """Return the schedule that manages a subscription."""
    return world.store.find(KIND, subscription["schedule"]) if subscription["schedule"] else None


def follow_items(world: World, subscription: Json) -> None:
    """After a change made past the schedule: its running phase has the items there are now."""
    schedule = of(world, subscription)
    phase = phase_at(schedule, world.now()) if schedule is not None else None
    if schedule is not None and phase is not None:
        with world.change(schedule, f"{KIND}.updated"):
            phase["items"] = items_of(subscription)


def release(world: World, schedule: Json) -> None:
    """Let go of the subscription, which goes on as it is."""
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    with world.change(schedule, f"{KIND}.updated"):
        schedule["status"], schedule["released_at"] = "released", world.now()
        schedule["released_subscription"] = schedule["subscription"]
        schedule["subscription"] = schedule["current_phase"] = None
    world.emit(f"{KIND}.released", schedule)
    if subscription is not None:
        with world.change(subscription, "customer.subscription.updated"):
            subscription["schedule"] = None


def close(world: World, schedule: Json, status: str, *, event: str | None = None) -> None:
    """End a schedule as canceled or completed."""
    with world.change(schedule, f"{KIND}.updated"):
        schedule["status"], schedule[f"{status}_at"] = status, world.now()
        schedule["current_phase"] = None
    world.emit(f"{KIND}.{event or status}", schedule)
