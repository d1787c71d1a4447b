"""When somebody has to look at a subscription again, and claiming what is due."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from billing.engine.holdings import Held
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED
from billing.engine.models.subscriptions import Collection
from billing.enums import FINAL_STATUSES, InvoiceStatus, SubscriptionStatus

# An unfinished start, or a change that waits for its payment, is given up after this (as Stripe's).
EXPIRES_AFTER = timedelta(hours=23)
TRIAL_NOTICE = timedelta(days=3)
ASK_AFTER = timedelta(seconds=60)
_OWING = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)


def plan(row: EngineSubscription) -> None:
    """Set when a subscription is looked at again; the caller saves it."""
    row.next_action_at = min(_moments(row), default=None)


def is_held(row: EngineSubscription) -> bool:
    """Say whether no further period is charged before the overdue one is paid.

    Who pays by invoice gets the next one all the same.
    """
    return row.status in _OWING and row.collection == Collection.CHARGE_AUTOMATICALLY


def _moments(row: EngineSubscription) -> Iterator[datetime]:
    invoices = _unfinished(row)
    for invoice in invoices:
        yield from _of_invoice(row, invoice)
    if row.status == SubscriptionStatus.INCOMPLETE:
        yield row.current_period_start + EXPIRES_AFTER
    elif row.status not in FINAL_STATUSES:
        yield from _of_running(row, is_ending=any(invoice.holds_end for invoice in invoices))


def _unfinished(row: EngineSubscription) -> list[EngineInvoice]:
    """Return the invoices that are open, or whose charge is undecided."""
    if {Held.OPEN_INVOICES, Held.UNDECIDED} <= row.lacks:  # but for the one just written
        latest = row.latest_invoice
        is_unfinished = latest and (latest.status == InvoiceStatus.OPEN or latest.is_undecided)
        return [latest] if latest and is_unfinished else []
    of_row = EngineInvoice.objects.filter(subscription=row)
    return list(of_row.filter(Q(status=InvoiceStatus.OPEN) | Q(charge_state__in=UNDECIDED)))


def _of_invoice(row: EngineSubscription, invoice: EngineInvoice) -> Iterator[datetime]:
    if invoice.is_undecided:
        if invoice.charge_sent_at:
            yield invoice.charge_sent_at + ASK_AFTER
    elif invoice.next_attempt_at and row.status not in FINAL_STATUSES:
        yield invoice.next_attempt_at
    if invoice.due_at and row.status == SubscriptionStatus.ACTIVE:
        yield invoice.due_at


def _of_running(row: EngineSubscription, *, is_ending: bool) -> Iterator[datetime]:
    if row.pending_change:
        yield datetime.fromisoformat(row.pending_change["asked_at"]) + EXPIRES_AFTER
    if not is_ending and (not is_held(row) or row.cancel_at_period_end):
        yield row.current_period_end
    if row.status == SubscriptionStatus.PAUSED and row.resumes_at:
        yield row.resumes_at
    if row.is_trial and row.trial_end and row.trial_announced_at is None:
        yield row.trial_end - TRIAL_NOTICE


def claim_due(
    *, now: datetime, limit: int, lease: timedelta, provider: str = ""
) -> list[EngineSubscription]:
    """Take what is due for ourselves, the longest waiting first; nobody else gets it meanwhile.

    A claim is a lease: a runner that dies leaves its subscriptions due again once it has run out.
    What carries a claim still is `is_left_over`: what was done to it is not taken over yet.
    """
    with transaction.atomic():
        due = EngineSubscription.objects.filter(next_action_at__lte=now)
        if provider:
            due = due.filter(provider=provider)
        rows = list(
            due.select_related("payer")
            .select_for_update(skip_locked=True, of=("self",), no_key=True)
            .order_by("next_action_at")[:limit]
        )
        for row in rows:
            row.is_left_over = row.claimed_at is not None
            row.claimed_at, row.next_action_at = now, now + lease
        EngineSubscription.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_at=now, next_action_at=now + lease
        )
    return rows
