"""How a subscription stands: it follows its invoices, and it ends."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import schedules
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

ENDED = ("canceled", "incomplete_expired")
UPDATED = "customer.subscription.updated"


def subscription_of(world: World, invoice: Json) -> Json | None:
    """Return the subscription an invoice belongs to."""
    parent = invoice["parent"]
    if parent is None or parent["type"] != "subscription_details":
        return None
    return world.store.find("subscription", parent["subscription_details"]["subscription"])


def period_end(subscription: Json) -> int:
    """Return the end of the earliest ending period of the items."""
    ends: list[int] = [item["current_period_end"] for item in subscription["items"]["data"]]
    return min(ends)


def follow_paid(world: World, invoice: Json) -> None:
    """Let the subscription follow an invoice that was paid."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    with world.change(subscription, UPDATED):
        if subscription["status"] == "incomplete":
            trial_end = subscription["trial_end"]
            trialing = trial_end is not None and trial_end > world.now()
            subscription["status"] = "trialing" if trialing else "active"
        elif (
            subscription["status"] in ("past_due", "unpaid")
            and subscription["latest_invoice"] == invoice["id"]
        ):
            subscription["status"] = "active"


def follow_failed(world: World, invoice: Json) -> None:
    """Let the subscription follow a payment that failed (a first invoice leaves it incomplete)."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["status"] not in ("active", "trialing"):
        return
    if subscription["pending_update"] and subscription["latest_invoice"] == invoice["id"]:
        # Only the change waits for this invoice: what ran before is paid.
        return
    with world.change(subscription, UPDATED):
        subscription["status"] = "past_due"


def save_default(world: World, invoice: Json, payment_method: str) -> None:
    """Keep the card of a successful payment as the subscription's, when it was asked for."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    keeps = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if keeps and subscription["default_payment_method"] != payment_method:
        with world.change(subscription, UPDATED):
            subscription["default_payment_method"] = payment_method


def exhaust(world: World, invoice: Json) -> None:
    """Do what the account's settings say after the last automatic retry failed."""
    subscription = subscription_of(world, invoice)
    final = world.settings["after_retries"]
    if subscription is None or subscription["status"] in ENDED:
        return
    if final == "canceled":
        end(world, subscription, reason="payment_failed")
    elif final == "unpaid":
        with world.change(subscription, UPDATED):
            subscription["status"] = "unpaid"


def end(world: World, subscription: Json, *, reason: str | None, status: str = "canceled") -> None:
    """End a subscription now. `incomplete_expired` is announced as an update, not as deleted."""
    now = world.now()
    setup = subscription["pending_setup_intent"]
    if status == "incomplete_expired":
        with world.change(subscription, UPDATED):
            subscription["status"] = status
            subscription["ended_at"] = now
        return
    _stop_collecting(world, subscription)
    subscription["status"] = status
    subscription["ended_at"] = now
    subscription["canceled_at"] = subscription["canceled_at"] or now
    subscription["pending_setup_intent"] = None
    subscription["cancellation_details"]["reason"] = reason
    world.touch(subscription)
    intent = world.store.find("setup_intent", setup) if setup else None
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        intent["status"] = "canceled"
        world.touch(intent)
        world.emit("setup_intent.canceled", intent)
    world.emit("customer.subscription.deleted", subscription)
    _close_schedule(world, subscription, reason)


def _close_schedule(world: World, subscription: Json, reason: str | None) -> None:
    schedule = schedules.of(world, subscription)
    if schedule is not None and schedule["status"] in schedules.RUNNING:
        aborted = reason == "payment_failed"
        schedules.close(world, schedule, "canceled", event="aborted" if aborted else None)


def _stop_collecting(world: World, subscription: Json) -> None:
    """Leave the open invoices of an ended subscription alone: nothing is charged by itself."""
    for invoice in world.store.where("invoice", "customer", subscription["customer"]):
        if invoice["status"] in ("draft", "open") and (
            subscription_of(world, invoice) is subscription
        ):
            with world.change(invoice, "invoice.updated"):
                invoice["auto_advance"] = False
                invoice["next_payment_attempt"] = None
                invoice["automatically_finalizes_at"] = None


def schedule_period(world: World, subscription: Json) -> None:
    """Note what is due at the end of the running period, and the notices ahead of it."""
    end = period_end(subscription)
    world.schedule(end, "end_period", subscription["id"])
    if subscription["status"] == "trialing":
        notice = end - world.settings["trial_will_end_days"] * DAY
        world.schedule(max(notice, world.now()), "announce_trial_end", subscription["id"])
    else:
        notice = end - world.settings["upcoming_days"] * DAY
        world.schedule(max(notice, world.now()), "announce_invoice", subscription["id"])
