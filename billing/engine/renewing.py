"""What time does to a subscription: one step at a time, each of them once.

`advance` is called by the runner for a subscription it has claimed. How late it is called changes
nothing: a period begins where the last one ended, and is invoiced once (the database says so).
"""

import dataclasses
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers.base import DriverError, OutcomeUnknown
from billing.engine import charging, due, outcomes, snapshots, time_steps
from billing.engine.charging import Charge
from billing.engine.house import House, lock_subscription, now_of
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED
from billing.engine.paying import method_of
from billing.engine.time_steps import Done, Happened, facts_of
from billing.enums import FactKind, InvoiceStatus, SubscriptionStatus
from billing.types import Fact, SubscriptionSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What happened, with the facts of it and the subscription as it is now."""

    happened: Happened
    snapshot: SubscriptionSnapshot
    facts: tuple[Fact, ...] = ()
    external_invoice_id: str = ""
    error: DriverError | None = None


def advance(house: House, external_id: str, *, now: datetime | None = None) -> Step:
    """Do the next thing that is due for a subscription, if anything is."""
    row = house.subscription(external_id)
    now = now or now_of(row.organization_id)
    undecided = _ask(house, row, now)
    if undecided is not None:
        return undecided
    with transaction.atomic(durable=True):
        locked = lock_subscription(row)
        step = time_steps.step(locked, now)
        outcomes.plan(locked, now=now)
    if step.invoice is not None and step.happened is Happened.BILLED:
        return _collect(house, row, step, now)
    return Step(step.happened, house.answer(row), step.facts, _name(step.invoice))


def retry(house: House, external_invoice_id: str, *, now: datetime | None = None) -> Step:
    """Charge an open invoice again, on our own initiative: what the dunning policy asks for."""
    invoice = snapshots.find_invoice(house.provider, external_invoice_id)
    if invoice.subscription is None:
        raise TypeError("Only the invoices of subscriptions are charged by themselves.")
    now = now or now_of(invoice.organization_id)
    undecided = _ask(house, invoice.subscription, now)
    if undecided is not None:
        return undecided
    return _collect(house, invoice.subscription, Done(Happened.BILLED, invoice), now)


def plan_retry(house: House, external_invoice_id: str, *, at: datetime | None) -> None:
    """Set when the dunning policy looks at an open invoice again; None: nobody does any more."""
    invoice = snapshots.find_invoice(house.provider, external_invoice_id)
    with transaction.atomic():
        locked = charging.lock(invoice.pk)
        if locked.status == InvoiceStatus.OPEN:
            locked.next_attempt_at = at
            locked.save(update_fields=["next_attempt_at", "updated_at"])
            outcomes.plan(locked.subscription, now=now_of(locked.organization_id))


def mark_unpaid(house: House, external_id: str) -> SubscriptionSnapshot:
    """Let an overdue subscription be `unpaid`: no try is left, and it has not ended."""
    row = house.subscription(external_id)
    with transaction.atomic(durable=True):
        locked = lock_subscription(row)
        if locked.status == SubscriptionStatus.PAST_DUE:
            locked.status = SubscriptionStatus.UNPAID
            outcomes.plan(locked, now=now_of(locked.organization_id))
    return house.answer(row)


def _ask(house: House, row: EngineSubscription, now: datetime) -> Step | None:
    """Resolve what is undecided before anything else is done; None where nothing is left."""
    before = _charges(row)
    if not before:
        return None
    try:
        charging.resolve_all(house.rail, row, now=now)
    except DriverError as error:
        with transaction.atomic(durable=True):
            locked = lock_subscription(row)
            due.plan(locked)
            locked.next_action_at = max(locked.next_action_at or now, now + due.ASK_AFTER)
            locked.save(update_fields=["next_action_at", "updated_at"])
        return Step(Happened.UNDECIDED, house.answer(row), error=error)
    decided = [
        fact
        for invoice in EngineInvoice.objects.filter(pk__in=before).select_related("attempt")
        for fact in facts_of(invoice)
    ]
    if not decided:
        return None
    happened = (
        Happened.DECLINED
        if any(fact.kind is FactKind.PAYMENT_FAILED for fact in decided)
        else Happened.BILLED
    )
    return Step(happened, house.answer(row), tuple(decided))


def _charges(row: EngineSubscription) -> list[UUID]:
    found = EngineInvoice.objects.filter(subscription=row, charge_state__in=UNDECIDED)
    return list(found.values_list("pk", flat=True))


def _collect(house: House, row: EngineSubscription, done: Done, now: datetime) -> Step:
    """Charge an invoice that is committed, and say what came of it."""
    invoice = done.invoice
    if invoice is None or house.rail is None or invoice.status == InvoiceStatus.PAID:
        return Step(done.happened, house.answer(row), done.facts, _name(invoice))
    method = method_of(snapshots.find_invoice(house.provider, invoice.external_id))
    try:
        after = charging.collect(house.rail, invoice.pk, Charge(method, by_payer=False), now=now)
    except OutcomeUnknown as error:
        return Step(Happened.UNDECIDED, house.answer(row), done.facts, invoice.external_id, error)
    except DriverError as error:
        return Step(Happened.NOT_CHARGED, house.answer(row), done.facts, invoice.external_id, error)
    is_paid = after.status == InvoiceStatus.PAID
    return Step(
        Happened.BILLED if is_paid else Happened.DECLINED,
        house.answer(row),
        (*done.facts, *facts_of(after)),
        invoice.external_id,
    )


def _name(invoice: EngineInvoice | None) -> str:
    return invoice.external_id if invoice else ""
