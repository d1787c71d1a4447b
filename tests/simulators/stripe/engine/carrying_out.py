"""Carrying a change out as its payment behaviour says: at once, only if paid, or once paid."""

from collections.abc import Callable

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    changing,
    invoicing,
    lines,
    pending,
    schedules,
    settling,
    standing,
    subscribing,
)
from tests.simulators.stripe.engine.changing import Effect
from tests.simulators.stripe.engine.rehearsing import Rehearsal
from tests.simulators.stripe.world import World

# Changes a subscription of the world it is given; it may be rehearsed before it is done.
Plan = Callable[[World, Json], Effect]


def carry_out(
    world: World, subscription: Json, plan: Plan, *, behavior: str, off_session: bool
) -> None:
    """Change a subscription and invoice what is to be paid at once."""
    _give_up_former(world, subscription, plan)
    if behavior == "error_if_incomplete":
        _refuse_unpaid(world, subscription, plan, off_session=off_session)
    if behavior == "pending_if_incomplete" and not _would_be_paid(
        world, subscription, plan, off_session=off_session
    ):
        _put_off(world, subscription, plan, off_session=off_session)
        return
    with world.change(subscription, standing.UPDATED):
        effect = plan(world, subscription)
    invoice = changing.draft_bill(world, subscription, effect)
    if invoice is not None:
        changing.collect_bill(
            world, subscription, invoice, off_session=off_session, behavior=behavior
        )
    schedules.follow_items(world, subscription)


def _give_up_former(world: World, subscription: Json, plan: Plan) -> None:
    """Let a new change of what is paid take the place of one that still waits to be paid."""
    if subscription["pending_update"] is None:
        return
    rehearsal = Rehearsal(world)
    if plan(rehearsal, rehearsal.store.get("subscription", subscription["id"])).costs:
        invoice = pending.drop(world, subscription)
        if invoice is not None and invoice["status"] == "open":
            invoicing.void(world, invoice)


def _rehearse(world: World, subscription: Json, plan: Plan) -> tuple[Rehearsal, Json, Json | None]:
    rehearsal = Rehearsal(world)
    mine = rehearsal.store.get("subscription", subscription["id"])
    effect = plan(rehearsal, mine)
    return rehearsal, mine, changing.draft_bill(rehearsal, mine, effect)


def _refuse_unpaid(world: World, subscription: Json, plan: Plan, *, off_session: bool) -> None:
    """Refuse a change whose invoice would not be paid, before anything is changed."""
    _rehearsal, _mine, invoice = _rehearse(world, subscription, plan)
    if invoice is not None and invoice["amount_due"] > 0:
        subscribing.refuse_in_advance(world, subscription, off_session=off_session)


def _would_be_paid(world: World, subscription: Json, plan: Plan, *, off_session: bool) -> bool:
    rehearsal, mine, invoice = _rehearse(world, subscription, plan)
    if invoice is None or mine["collection_method"] == "send_invoice":
        return True
    invoicing.finalize(rehearsal, invoice)
    if invoice["status"] == "open":
        settling.collect(rehearsal, invoice, off_session=off_session)
    return bool(invoice["status"] == "paid")


def _put_off(world: World, subscription: Json, plan: Plan, *, off_session: bool) -> None:
    """Keep a change until its invoice is paid; the invoice is the one the change would make."""
    rehearsal, mine, invoice = _rehearse(world, subscription, plan)
    if invoice is None:
        return
    for line in invoice["lines"]["data"]:
        entry_id = lines.invoiceitem_of(line)
        if entry_id is not None and world.store.find("invoiceitem", entry_id) is None:
            world.add(rehearsal.store.get("invoiceitem", entry_id), "invoiceitem.created")
    world.add(invoice, "invoice.created")
    pending.put_off(world, subscription, mine, invoice)
    invoicing.finalize(world, invoice)
    settling.collect(world, invoice, off_session=off_session)
