"""Names of background jobs, and how to ask for one. Each has a sweep that does the same later."""

from typing import TYPE_CHECKING

from billing import jobs

if TYPE_CHECKING:
    from uuid import UUID

RUN_SALE = "terminals.run_sale"
FINISH_CANCEL = "terminals.finish_cancel"
VOID_LATE_SALE = "terminals.void_late_sale"
SWEEP_PAYMENTS = "terminals.sweep_payments"
REFRESH_STATUSES = "terminals.refresh_statuses"
VOID_FORGOTTEN = "terminals.void_forgotten"


def queue_sale(attempt_id: "UUID") -> None:
    """Have a reader started by a worker that can wait for it, after the commit."""
    jobs.queue_after_commit(RUN_SALE, attempt_id=str(attempt_id))


def queue_cancel(payment_id: "UUID") -> None:
    """Have a payment that is not wanted any more ended at its provider, after the commit."""
    jobs.queue_after_commit(FINISH_CANCEL, payment_id=str(payment_id))


def queue_void(case_id: "UUID") -> None:
    """Have a payment too many given up at its provider, after the commit."""
    jobs.queue_after_commit(VOID_LATE_SALE, case_id=str(case_id))
