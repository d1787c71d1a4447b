"""Answers that are no result: each becomes one of the three ways in which a call may fail."""

import logging
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from billing.drivers.base import DriverError, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import calls
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import Answer, Verdict
from billing.enums import CaseKind
from billing.models import Case

# From then on a person looks; the payment stays unknown, and nothing follows from it.
REVIEW_AFTER = timedelta(minutes=30)

logger = logging.getLogger(__name__)


class Referenced(Protocol):
    """Anything that was asked of the gateway under a reference of ours."""

    @property
    def organization_id(self) -> UUID:
        """Return whose it is."""
        ...

    @property
    def reference(self) -> str:
        """Return our order id."""
        ...


def of_write(op: str, merchant: Merchant, verdict: Verdict, answer: Answer) -> DriverError:
    """Return the error for a write that was not processed, or whose outcome nobody knows."""
    if verdict in {Verdict.THROTTLED, Verdict.CONFIG}:
        return calls.unavailable(op, merchant, answer)
    return OutcomeUnknown("API_ERROR", detail=f"{op}_no_answer")


def want_review(order: Referenced, *, sent_at: datetime, now: datetime) -> None:
    """Have a person look at a payment that can't be decided; once, after half an hour."""
    if now - sent_at < REVIEW_AFTER:
        return
    open_case(
        order,
        summary="The gateway does not say what became of a payment: look for it there by the "
        f"order id {order.reference}. Until then it counts neither as paid nor as refused.",
    )


def open_case(order: Referenced, *, summary: str) -> None:
    """Write down once what a person has to decide about a payment."""
    _, was_new = Case.objects.get_or_create(
        organization_id=order.organization_id,
        kind=CaseKind.UNKNOWN_OUTCOME,
        external_id=order.reference,
        defaults={"summary": summary},
    )
    if was_new:
        logger.error("cardconnect.needs_review", extra={"reference": order.reference})


def unanswered(op: str, error: DriverUnavailable) -> OutcomeUnknown:
    """Return what a failed question is once something was sent before it."""
    return OutcomeUnknown(error.code, detail=f"{op}_{error.detail}", retry_after=error.retry_after)
