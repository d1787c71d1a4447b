"""Ending a subscription: as planned or at once, with or without a last invoice."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import bills, changing, prorating, standing, waiting
from tests.simulators.stripe.world import World

# Subscriptions that are to end in the middle of a period without credit for the rest of it.
UNCREDITED = "_uncredited_end"
REQUESTED = "cancellation_requested"


def end_as_planned(world: World, subscription: Json) -> None:
    """End a subscription at its time; what still waits for an invoice gets a last one."""
    standing.end(world, subscription, reason=REQUESTED)
    invoice = _last_invoice(world, subscription)
    if invoice is not None:
        due = world.now() + world.settings["finalize_after_s"]
        world.schedule(due, "finalize_invoice", invoice["id"])


def cancel(world: World, subscription: Json, *, prorate: bool, invoice_now: bool) -> Json | None:
    """End a subscription now; return the draft of its last invoice, if it is to have one.

    Without one the prorations that wait are dropped, except for the credit asked for here.
    """
    if not invoice_now:
        for entry in waiting.entries_for(world, subscription["customer"], subscription["id"]):
            if entry["proration"]:
                world.store.remove("invoiceitem", entry["id"])
                world.emit("invoiceitem.deleted", entry)
    if prorate and subscription["status"] in changing.PRORATED:
        for item in subscription["items"]["data"]:
            prorating.credit(world, subscription, item, world.now())
    standing.end(world, subscription, reason=REQUESTED)
    return _last_invoice(world, subscription) if invoice_now else None


def _last_invoice(world: World, subscription: Json) -> Json | None:
    billed = waiting.lines_for(world, subscription)
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
    subscription["latest_invoice"] = invoice["id"]
    world.touch(subscription)
    return bills.add(world, invoice)
