"""Background tasks: each calls one service. Every one is idempotent and has a sweep."""

from typing import Any

from celery import shared_task

from billing import jobs
from billing.services import (
    agreements,
    checkout,
    dispatch,
    grace,
    invoice_deliveries,
    mirror,
    quotes,
    reconcile,
    reminders,
    renewals,
    resolve,
    retries,
    siblings,
)
from billing.types import Cause
from billing.types.differences import Scope
from orgs import clock

# Longer than any batch takes (a fetch is bounded at 3 s to connect and 20 s to read, tried three
# times, eight at once): a claim older than this belongs to a worker that died.
CLAIM_LEASE_S = 300


@shared_task(name=jobs.DRAIN_INBOX)
def drain_inbox(**_future: Any) -> None:
    """Process whatever waits in the inbox (rows are claimed by status)."""
    jobs.inbox_awake()
    dispatch.drain_inbox(now=clock.now())


@shared_task(name=jobs.RECLAIM_INBOX)
def reclaim_inbox(**_future: Any) -> None:
    """Free events whose worker died."""
    retries.reclaim_events(lease_s=CLAIM_LEASE_S)


@shared_task(name=jobs.DRAIN_MIRROR)
def drain_mirror(**_future: Any) -> None:
    """Copy changed objects into the raw mirror."""
    jobs.mirror_awake()
    mirror.drain_mirror()


@shared_task(name=jobs.RESOLVE_ATTEMPTS)
def resolve_attempts(**_future: Any) -> None:
    """Ask about every payment attempt whose outcome is unknown and due."""
    resolve.resolve_due(now=clock.now())


@shared_task(name=jobs.RESOLVE_ATTEMPT)
def resolve_attempt(*, attempt_id: str, **_future: Any) -> None:
    """Ask about one payment attempt."""
    resolve.resolve_attempt(attempt_id=attempt_id, now=clock.now(), cause=Cause("resolver"))


@shared_task(name=jobs.EXPIRE_CHECKOUTS)
def expire_checkouts(**_future: Any) -> None:
    """End checkouts whose hour is over."""
    checkout.expire_checkouts(now=clock.now())


@shared_task(name=jobs.START_AGREEMENTS)
def start_agreements(**_future: Any) -> None:
    """Start what was agreed with organizations for today."""
    agreements.start_due(now=clock.now())


@shared_task(name=jobs.CLOSE_SIBLINGS)
def close_siblings(**_future: Any) -> None:
    """Close what could still be paid beside what was paid."""
    siblings.close_siblings(now=clock.now())


@shared_task(name=jobs.END_GRACE)
def end_grace(**_future: Any) -> None:
    """Restrict whoever did not pay within the grace of the plan."""
    grace.end_grace(now=clock.now())


@shared_task(name=jobs.RUN_RENEWALS)
def run_renewals(**_future: Any) -> None:
    """Renew, charge again and end what is due at the providers we bill for ourselves."""
    renewals.run_due(now=clock.now())


@shared_task(name=jobs.REMIND_OF_RENEWALS)
def remind_of_renewals(**_future: Any) -> None:
    """Tell payers what their next period will cost, some days before it begins."""
    reminders.remind_of_renewals(now=clock.now())


@shared_task(name=jobs.DROP_OLD_QUOTES)
def drop_old_quotes(**_future: Any) -> None:
    """Forget quotes that expired unused."""
    quotes.drop_old_quotes(now=clock.now())


@shared_task(name=jobs.DELIVER_INVOICES)
def deliver_invoices(**_future: Any) -> None:
    """Mail the invoices that no mail has brought yet."""
    invoice_deliveries.deliver_missing(now=clock.now())


@shared_task(name=jobs.RECONCILE_RECENT)
def reconcile_recent(**_future: Any) -> None:
    """Compare with the providers what happened since the last comparison."""
    reconcile.reconcile_all(scope=Scope.RECENT, now=clock.now())


@shared_task(name=jobs.RECONCILE_ALL)
def reconcile_everything(**_future: Any) -> None:
    """Compare with the providers everything they have."""
    reconcile.reconcile_all(scope=Scope.FULL, now=clock.now())
