"""What becomes of a draft when its hour has passed: opened and charged, sent, or held back."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import invoicing, settling, standing
from tests.simulators.stripe.world import World


def advance(world: World, invoice: Json, *, off_session: bool = False, retry: bool = True) -> None:
    """Open a draft and collect it, unless the collection of its subscription is paused.

    What a pause voids uses no credit of the customer's either.
    Source: https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    subscription = standing.subscription_of(world, invoice)
    pause = subscription["pause_collection"] if subscription is not None else None
    if pause is not None and pause["behavior"] == "keep_as_draft":
        with world.change(invoice, "invoice.updated"):
            invoice["auto_advance"] = False
            invoice["automatically_finalizes_at"] = invoice["next_payment_attempt"] = None
        return
    is_voided = pause is not None and pause["behavior"] == "void"
    invoicing.finalize(world, invoice, is_waived=is_voided)
    if invoice["status"] != "open":
        return
    if is_voided:
        invoicing.void(world, invoice)
    elif pause is not None:
        mark_uncollectible(world, invoice)
    elif invoice["collection_method"] == "charge_automatically":
        settling.collect(world, invoice, off_session=off_session, retry=retry)
    else:
        world.emit("invoice.sent", invoice)
        if invoice["due_date"] is not None:
            world.schedule(invoice["due_date"], "fall_overdue", invoice["id"])


def mark_uncollectible(world: World, invoice: Json) -> None:
    """Write an open invoice off."""
    with world.change(invoice, "invoice.updated"):
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["marked_uncollectible_at"] = world.now()
    world.emit("invoice.marked_uncollectible", invoice)
