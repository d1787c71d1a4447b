"""What time does to a locked subscription: the first thing that is due, in one transaction."""

import dataclasses
import enum
from collections.abc import Sequence
from datetime import datetime

from billing.engine import (
    change_plans,
    changing,
    cycles,
    due,
    papers,
    scheduling,
    starting,
)
from billing.engine.cycle_rows import cycle_of, put_cycle
from billing.engine.holdings import Held
from billing.engine.models import EngineInvoice, EngineSubscription, PendingLine
from billing.engine.models.invoices import BillingReason, ChargeState
from billing.engine.models.subscriptions import Collection
from billing.engine.periods import Period
from billing.enums import FINAL_STATUSES, FactKind, InvoiceStatus, SubscriptionStatus
from billing.types import Fact


class Happened(enum.StrEnum):
    """What a step was."""

    NOTHING = "nothing"
    UNDECIDED = "undecided"
    """A charge has no outcome yet: asked again later."""
    NOT_CHARGED = "not_charged"
    """Provably not charged: the rail is down, or our account is wrong. No decline."""
    EXPIRED = "expired"
    CHANGE_DROPPED = "change_dropped"
    RESUMED = "resumed"
    TRIAL_ENDING = "trial_ending"
    OVERDUE = "overdue"
    ENDED = "ended"
    WAIVED = "waived"
    BILLED = "billed"
    """The next period has its invoice: see its status for whether it is paid."""
    DECLINED = "declined"
    RETRY_DUE = "retry_due"
    """An invoice waits for the dunning policy: `plan_retry`, `retry` or an end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A step that was written down."""

    happened: Happened
    invoice: EngineInvoice | None = None
    facts: tuple[Fact, ...] = ()


def step(row: EngineSubscription, now: datetime) -> Done:
    """Do the first thing that is due, in the caller's transaction; the caller saves the row."""
    for act in (_expire, _drop_change, _end_pause, _announce_trial, _fall_due, _next_period):
        done = act(row, now)
        if done is not None:
            return done
    if row.status in FINAL_STATUSES:
        return Done(Happened.NOTHING)
    waiting = row.invoices.filter(status=InvoiceStatus.OPEN, next_attempt_at__lte=now).first()
    if waiting is None:
        return Done(Happened.NOTHING)
    # One that was never declined is no matter of dunning: nobody has charged it yet.
    is_untried = waiting.first_failed_at is None
    return Done(Happened.BILLED if is_untried else Happened.RETRY_DUE, waiting)


def facts_of(invoice: EngineInvoice) -> tuple[Fact, ...]:
    """Return what an invoice that was just charged tells: it failed, or it was paid."""
    if invoice.charge_state == ChargeState.FAILED and invoice.last_failed_at:
        name = invoice.attempt.our_reference if invoice.attempt else str(invoice.attempt_count)
        fact = Fact(
            kind=FactKind.PAYMENT_FAILED,
            external_id=f"{invoice.external_id}:{name}",
            occurred_at=invoice.last_failed_at,
            amount_minor=invoice.remaining_minor,
            currency=invoice.currency,
            detail={"invoice": invoice.external_id, "attempt": invoice.attempt_count},
        )
        return (fact,)
    if invoice.charge_state == ChargeState.SUCCEEDED and invoice.paid_at:
        fact = Fact(
            kind=FactKind.PAYMENT_SUCCEEDED,
            external_id=invoice.external_id,
            occurred_at=invoice.paid_at,
            amount_minor=invoice.amount_paid_minor,
            currency=invoice.currency,
            detail={"invoice": invoice.external_id},
        )
        return (fact,)
    return ()


def _expire(row: EngineSubscription, now: datetime) -> Done | None:
    is_unfinished = row.status == SubscriptionStatus.INCOMPLETE
    if not is_unfinished or now < row.current_period_start + due.EXPIRES_AFTER:
        return None
    starting.expire(row)
    return Done(Happened.EXPIRED)


def _drop_change(row: EngineSubscription, now: datetime) -> Done | None:
    pending = row.pending_change
    if not pending or row.status in FINAL_STATUSES:
        return None
    asked_at = datetime.fromisoformat(pending["asked_at"])
    if now < min(asked_at + due.EXPIRES_AFTER, row.current_period_end):
        return None
    changing.give_up(row, now=now)
    return Done(Happened.CHANGE_DROPPED)


def _end_pause(row: EngineSubscription, now: datetime) -> Done | None:
    is_paused = row.status == SubscriptionStatus.PAUSED
    if not is_paused or row.resumes_at is None or now < row.resumes_at:
        return None
    if row.current_period_end <= row.resumes_at:
        return None  # what fell due before it is waived first
    scheduling.end_pause(row)
    return Done(Happened.RESUMED)


def _announce_trial(row: EngineSubscription, now: datetime) -> Done | None:
    ends = row.trial_end
    if not row.is_trial or ends is None or row.trial_announced_at is not None:
        return None
    if now < ends - due.TRIAL_NOTICE:
        return None
    row.trial_announced_at = now
    fact = Fact(
        kind=FactKind.TRIAL_ENDING,
        external_id=f"{row.external_id}:{int(ends.timestamp())}",
        occurred_at=now,
        detail={"trial_end": f"{ends:%Y-%m-%d}"},
    )
    return Done(Happened.TRIAL_ENDING, facts=(fact,))


def _fall_due(row: EngineSubscription, now: datetime) -> Done | None:
    """An invoice that its payer should have paid by now is overdue."""
    if row.status != SubscriptionStatus.ACTIVE or Held.OPEN_INVOICES in row.lacks:
        return None
    late = row.invoices.filter(status=InvoiceStatus.OPEN, due_at__lte=now).first()
    if late is None:
        return None
    late.first_failed_at = late.first_failed_at or now
    late.next_attempt_at = now
    late.save(update_fields=["first_failed_at", "next_attempt_at", "updated_at"])
    row.status = SubscriptionStatus.PAST_DUE
    return Done(Happened.OVERDUE, late)


def _next_period(row: EngineSubscription, now: datetime) -> Done | None:
    is_running = row.status not in (*FINAL_STATUSES, SubscriptionStatus.INCOMPLETE)
    if not is_running or now < row.current_period_end:
        return None
    if row.cancel_at_period_end:
        return _end(row, now)
    if row.status == SubscriptionStatus.PAUSED:
        waived = cycles.renew(cycle_of(row)).cycle
        put_cycle(row, dataclasses.replace(waived, debit=None))
        return Done(Happened.WAIVED)
    return None if due.is_held(row) else _bill(row, now)


def _end(row: EngineSubscription, now: datetime) -> Done | None:
    """End with the period; what waited for an invoice until then gets one first, as at Stripe.

    Once the last one is charged (or was declined) nothing is left to be charged: only then it ends.
    Source: https://docs.stripe.com/api/subscriptions/cancel
    """
    last = change_plans.plan_last(row)
    if last is not None:
        running = Period(row.current_period_start, row.current_period_end)
        paper = papers.Paper(row, row.payer, BillingReason.END, last.draft, running, issued_at=now)
        return Done(Happened.BILLED, _write(paper, last.waiting))
    if any(invoice.holds_end for invoice in row.invoices.filter(billing_reason=BillingReason.END)):
        return None
    scheduling.end(row, now=now)
    return Done(Happened.ENDED)


def _bill(row: EngineSubscription, now: datetime) -> Done:
    """Write the invoice of the next period, and let the subscription go on with it."""
    renewal = change_plans.plan_renewal(row)
    cycle = renewal.step.cycle
    paper = papers.Paper(
        row,
        row.payer,
        BillingReason.CYCLE,
        renewal.draft,
        cycle.period,
        issued_at=now,
        used=renewal.step.discounts,
    )
    invoice = _write(paper, renewal.waiting)
    put_cycle(row, cycle)
    scheduling.forget_schedule(row)
    if row.status == SubscriptionStatus.TRIALING:
        row.status = SubscriptionStatus.ACTIVE
    return Done(Happened.BILLED, invoice)


def _write(paper: papers.Paper, waiting: Sequence[PendingLine]) -> EngineInvoice:
    """Write an invoice that time asks for, with the lines that waited for it."""
    # If this process dies before it has charged it, the next one does.
    is_charged = paper.subscription.collection == Collection.CHARGE_AUTOMATICALLY
    invoice = papers.issue(dataclasses.replace(paper, is_charged=is_charged))
    PendingLine.objects.filter(pk__in=[line.pk for line in waiting]).update(
        invoice=invoice, updated_at=paper.issued_at
    )
    return invoice
