"""What happens by itself as time passes: jobs by name, run in the order they fall due."""

from collections.abc import Callable, Iterator

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    advancing,
    at_reader,
    coupons,
    disputing,
    ending,
    invoicing,
    pending,
    phasing,
    previewing,
    renewing,
    schedules,
    settling,
    standing,
)
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

Job = Callable[[World, str], None]


def run_due(world: World, until: int, clock_id: str = "") -> Iterator[int]:
    """Run what is due up to a moment, one job per step; each yields the moment it stood at."""
    while (due := world.next_due(until, clock_id)) is not None:
        moment, name, row_id = due
        with world.at(moment, clock_id):
            JOBS[name](world, row_id)
        yield moment


def _subscription(job: Callable[[World, Json], None]) -> Job:
    def run(world: World, row_id: str) -> None:
        subscription = world.store.find("subscription", row_id)
        if subscription is not None and subscription["status"] not in standing.ENDED:
            job(world, subscription)

    return run


def _invoice(job: Callable[[World, Json], None]) -> Job:
    def run(world: World, row_id: str) -> None:
        invoice = world.store.find("invoice", row_id)
        if invoice is not None:
            job(world, invoice)

    return run


def _schedule(job: Callable[[World, Json], None]) -> Job:
    def run(world: World, row_id: str) -> None:
        schedule = world.store.find(schedules.KIND, row_id)
        if schedule is not None:
            job(world, schedule)

    return run


def _expire_incomplete(world: World, subscription: Json) -> None:
    if subscription["status"] != "incomplete":
        return
    invoice = world.store.find("invoice", subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoicing.void(world, invoice)
    else:
        standing.end(world, subscription, reason=None, status="incomplete_expired")


def _expire_pending_update(world: World, subscription: Json) -> None:
    if pending.is_over(world, subscription):
        invoice = pending.drop(world, subscription)
        if invoice is not None and invoice["status"] == "open":
            invoicing.void(world, invoice)


def _announce_trial_end(world: World, subscription: Json) -> None:
    ahead = world.settings["trial_will_end_days"] * DAY
    if subscription["status"] == "trialing" and subscription["trial_end"] - ahead <= world.now():
        world.emit("customer.subscription.trial_will_end", subscription)


def _finalize_invoice(world: World, invoice: Json) -> None:
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    advancing.advance(world, invoice)


def _retry_invoice(world: World, invoice: Json) -> None:
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == world.now():
        settling.collect(world, invoice, off_session=False, retry=True)


def _fall_overdue(world: World, invoice: Json) -> None:
    if invoice["status"] == "open":
        world.emit("invoice.overdue", invoice)
        standing.follow_failed(world, invoice)


def _expire_checkout(world: World, session_id: str) -> None:
    session = world.store.find("checkout.session", session_id)
    if session is None or session["status"] != "open" or session["expires_at"] > world.now():
        return
    expire_session(world, session)


def expire_session(world: World, session: Json) -> None:
    """End an open Checkout Session, and what it had begun."""
    session["status"] = "expired"
    session["url"] = None
    world.touch(session)
    begun = world.store.find("_checkout", session["id"]) or {}
    subscription = world.store.find("subscription", begun.get("subscription", ""))
    if subscription is not None:
        _expire_incomplete(world, subscription)
    intent = world.store.find("payment_intent", session["payment_intent"] or "")
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        intent.update(status="canceled", canceled_at=world.now(), cancellation_reason="automatic")
        world.touch(intent)
        world.emit("payment_intent.canceled", intent)
    world.emit("checkout.session.expired", session)


def _expire_authorization(world: World, intent_id: str) -> None:
    intent = world.store.find("payment_intent", intent_id)
    if intent is None or intent["status"] != "requires_capture":
        return
    intent.update(
        status="canceled",
        canceled_at=world.now(),
        cancellation_reason="automatic",
        amount_capturable=0,
    )
    world.touch(intent)
    world.emit("payment_intent.canceled", intent)


def _cancel_at(world: World, subscription: Json) -> None:
    if subscription["cancel_at"] != world.now():
        return
    if standing.period_end(subscription) <= world.now():
        ending.end_as_planned(world, subscription)
        return
    # In the middle of a period: what is left of it is credited, unless that was not wanted.
    prorate = world.store.find(ending.UNCREDITED, subscription["id"]) is None
    invoice = ending.cancel(world, subscription, prorate=prorate, invoice_now=True)
    if invoice is not None:
        world.schedule(world.now(), "finalize_invoice", invoice["id"])


def _resume_collection(world: World, subscription: Json) -> None:
    pause = subscription["pause_collection"]
    if pause is not None and pause["resumes_at"] == world.now():
        with world.change(subscription, standing.UPDATED):
            subscription["pause_collection"] = None


def _end_discount(world: World, discount_id: str) -> None:
    discount = world.store.find("discount", discount_id)
    if discount is not None:
        coupons.take_off(world, discount)


JOBS: dict[str, Job] = {
    "act_at_reader": at_reader.act_when_due,
    "announce_invoice": _subscription(previewing.announce_invoice),
    "announce_schedule_end": _schedule(schedules.announce_end),
    "announce_trial_end": _subscription(_announce_trial_end),
    "cancel_at": _subscription(_cancel_at),
    "dispute_overdue": disputing.fall_overdue,
    "end_discount": _end_discount,
    "end_period": _subscription(renewing.end_period),
    "expire_authorization": _expire_authorization,
    "expire_checkout": _expire_checkout,
    "expire_incomplete": _subscription(_expire_incomplete),
    "expire_pending_update": _subscription(_expire_pending_update),
    "fall_overdue": _invoice(_fall_overdue),
    "finish_at_reader": at_reader.finish_when_due,
    "finalize_invoice": _invoice(_finalize_invoice),
    "resume_collection": _subscription(_resume_collection),
    "retry_invoice": _invoice(_retry_invoice),
    "turn_phase": _schedule(phasing.turn),
}


def drive(world: World, until: int, clock_id: str = "") -> int:
    """Run everything due up to a moment at once; say how many jobs ran."""
    count = 0
    for _moment in run_due(world, until, clock_id):
        count += 1
    return count
