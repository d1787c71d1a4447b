"""Background tasks: each calls one service. Every one is idempotent and has a sweep."""

from typing import Any

from celery import shared_task

from billing.types import Cause
from orgs import clock
from terminals import jobs
from terminals.services import ending, forgotten, late_sales, running, statuses, sweeping


@shared_task(name=jobs.RUN_SALE)
def run_sale(*, attempt_id: str, **_future: Any) -> None:
    """Have a reader take a payment, and wait for it: minutes."""
    running.run(attempt_id=attempt_id, cause=Cause("request", detail="reader"), now=clock.now())


@shared_task(name=jobs.FINISH_CANCEL)
def finish_cancel(*, payment_id: str, **_future: Any) -> None:
    """End a payment that its till gave up on."""
    ending.finish(payment_id=payment_id, cause=Cause("request", detail="cancel"), now=clock.now())


@shared_task(name=jobs.VOID_LATE_SALE)
def void_late_sale(*, case_id: str, **_future: Any) -> None:
    """Give up an approval that nobody waits for."""
    late_sales.void(case_id=case_id, now=clock.now())


@shared_task(name=jobs.SWEEP_PAYMENTS)
def sweep_payments(**_future: Any) -> None:
    """Do what a lost message has left undone."""
    now = clock.now()
    sweeping.queue_waiting(now=now)
    ending.finish_due(now=now)
    late_sales.void_due(now=now)


@shared_task(name=jobs.REFRESH_STATUSES)
def refresh_statuses(**_future: Any) -> None:
    """Ask which readers can be reached."""
    statuses.refresh_all(now=clock.now())


@shared_task(name=jobs.VOID_FORGOTTEN)
def void_forgotten(**_future: Any) -> None:
    """Void what nobody captured, before it expires."""
    forgotten.void_forgotten(now=clock.now())
