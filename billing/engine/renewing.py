"""What time does to a subscription: one step at a time, each of them once.

`advance` is called by the runner for a subscription it has claimed. How late it is called changes
nothing: a period begins where the last one ended, and is invoiced once (the database says so).
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers.base import DriverError, OutcomeUnknown
from billing.engine import charging, due, outcomes, snapshots, time_steps
from billing.engine.charging import Charge
from billing.engine.house import House, lock_decided, lock_subscription, now_of
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED, BillingReason
from billing.engine.paying import method_of
from billing.engine.time_steps import Done, Happened, facts_of
from billing.enums import FactKind, InvoiceStatus, SubscriptionStatus
from billing.types import Fact, SubscriptionSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """What happened to a subscription, and to which invoice; `error`: why it was not charged."""

    happened: Happened
    facts: tuple[Fact, ...] = ()
    external_invoice_id: str = ""
    error: DriverError | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step(Move):
    """What happened, and the subscription as it is now."""

    snapshot: SubscriptionSnapshot


def advance(house: House, external_id: str, *, now: datetime | None = None) -> Step:
    """Do the next thing that is due for a subscription, if anything is."""
    row = house.subscription(external_id)
    return _as_step(house, row, move(house, row, now=now or now_of(row.organization_id)))


def move(house: House, row: EngineSubscription, *, now: datetime) -> Move:
    """Do what `advance` does for a row that is at hand; what it is like then has to be read.

    Of the row only its names are used: what decides is read once it is locked.
    """
    written = _write(house, row, now, lock_decided)
    if written is None:
        asked = _ask(house, row, now)
        if asked is not None:
            return asked
        written = _write(house, row, now, lock_subscription)
    if written is None or written.done.happened is not Happened.BILLED:
        done = written.done if written else Done(Happened.NOTHING)
        return Move(done.happened, done.facts, _name(done.invoice))
    if written.begun is None:
        return _collect(house, written.done, now)
    return _send(house, written, written.begun, now)


def retry(house: House, external_invoice_id: str, *, now: datetime | None = None) -> Step:
    """Charge an open invoice again, on our own initiative: what the dunning policy asks for."""
    invoice = snapshots.find_invoice(house.provider, external_invoice_id)
    if invoice.subscription is None:
        raise TypeError("Only the invoices of subscriptions are charged by themselves.")
    now = now or now_of(invoice.organization_id)
    row = invoice.subscription
    asked = _ask(house, row, now)
    return _as_step(house, row, asked or _collect(house, Done(Happened.BILLED, invoice), now))


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


def _ask(house: House, row: EngineSubscription, now: datetime) -> Move | None:
    """Resolve what is undecided before anything else is done; None where nothing is left."""
    before = _charges(row)
    if not before:
        return None
    try:
        charging.resolve_all(house.rail, row, now=now)
    except DriverError as error:
        _look_later(row, now)
        return Move(Happened.UNDECIDED, error=error)
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
    return Move(happened, tuple(decided))


def _look_later(row: EngineSubscription, now: datetime) -> None:
    """Leave a subscription alone for a while: what is due of it can't be done now."""
    with transaction.atomic(durable=True):
        locked = lock_subscription(row)
        due.plan(locked)
        locked.next_action_at = max(locked.next_action_at or now, now + due.ASK_AFTER)
        locked.save(update_fields=["next_action_at", "updated_at"])


def _charges(row: EngineSubscription) -> list[UUID]:
    found = EngineInvoice.objects.filter(subscription=row, charge_state__in=UNDECIDED)
    return list(found.values_list("pk", flat=True))


def _as_step(house: House, row: EngineSubscription, done: Move) -> Step:
    given = {field.name: getattr(done, field.name) for field in dataclasses.fields(done)}
    return Step(**given, snapshot=house.answer(row))


@dataclasses.dataclass(frozen=True, slots=True)
class _Written:
    """A step that is committed. `begun` is its invoice if its charge was written down with it.

    That charge is to be sent, unless there was nothing to charge it to.
    """

    done: Done
    begun: EngineInvoice | None = None
    is_sent: bool = False


def _write(
    house: House,
    row: EngineSubscription,
    now: datetime,
    lock: Callable[[EngineSubscription], EngineSubscription | None],
) -> _Written | None:
    """Do the first thing that is due, in one transaction; None where `lock` gives nothing.

    A renewal and its charge are written down together: one commit before the rail is called.
    """
    with transaction.atomic(durable=True):
        locked = lock(row)
        if locked is None:
            return None
        before = locked.latest_invoice_id
        done = time_steps.step(locked, now)
        invoice = done.invoice
        is_new = invoice is not None and before != locked.latest_invoice_id == invoice.pk
        if invoice is None or house.rail is None or not is_new or not _is_renewal(invoice):
            outcomes.plan(locked, now=now)
            return _Written(done)
        invoice.organization = locked.payer.organization  # the same, and at hand
        charge = Charge(method_of(invoice), by_payer=False)
        return _Written(done, invoice, is_sent=charging.begin(invoice, charge, now=now))


def _is_renewal(invoice: EngineInvoice) -> bool:
    is_open = invoice.status == InvoiceStatus.OPEN
    return is_open and invoice.billing_reason == BillingReason.CYCLE


def _collect(house: House, done: Done, now: datetime) -> Move:
    """Charge an invoice that is committed, and say what came of it."""
    invoice = done.invoice
    if invoice is None or house.rail is None or invoice.status == InvoiceStatus.PAID:
        return Move(done.happened, done.facts, _name(invoice))
    rail = house.rail
    method = method_of(snapshots.find_invoice(house.provider, invoice.external_id))
    charge = Charge(method, by_payer=False)
    made = _outcome(done, lambda: charging.collect(rail, invoice.pk, charge, now=now))
    if made.happened is Happened.NOT_CHARGED and invoice.subscription is not None:
        # Its payer may be paying it at this moment: then nothing was written down, and all of it
        # is due as it was.
        _look_later(invoice.subscription, now)
    return made


def _send(house: House, written: _Written, invoice: EngineInvoice, now: datetime) -> Move:
    """Send the charge that was committed with its invoice, and say what came of it."""
    rail = house.need_rail()
    if not written.is_sent:
        return _outcome(written.done, lambda: invoice)
    return _outcome(written.done, lambda: charging.send(rail, invoice, now=now))


def _outcome(done: Done, charge: Callable[[], EngineInvoice]) -> Move:
    name = _name(done.invoice)
    try:
        after = charge()
    except OutcomeUnknown as error:
        return Move(Happened.UNDECIDED, done.facts, name, error)
    except DriverError as error:
        return Move(Happened.NOT_CHARGED, done.facts, name, error)
    is_paid = after.status == InvoiceStatus.PAID
    happened = Happened.BILLED if is_paid else Happened.DECLINED
    return Move(happened, (*done.facts, *facts_of(after)), name)


def _name(invoice: EngineInvoice | None) -> str:
    return invoice.external_id if invoice else ""
