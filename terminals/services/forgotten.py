"""Authorizations that nobody captured: voided before they expire, so that no card stays held."""

from datetime import datetime, timedelta

from billing.types import Cause
from orgs.errors import DomainError
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.services import canceling

# A till that is late has this long before the end; a void that fails is tried again meanwhile.
VOID_BEFORE = timedelta(hours=1)


def void_forgotten(*, now: datetime, limit: int = 50) -> int:
    """Cancel what is about to expire uncaptured; say how many were asked to end."""
    held = TerminalPayment.objects.filter(
        status=PaymentStatus.REQUIRES_CAPTURE,
        capture_before__lte=now + VOID_BEFORE,
        cancel_requested_at=None,
    )
    due = held.select_related("organization").order_by("capture_before")[:limit]
    return sum(_cancel(payment, now) for payment in due)


def _cancel(payment: TerminalPayment, now: datetime) -> bool:
    try:
        canceling.cancel(
            organization=payment.organization,
            payment_id=payment.pk,
            cause=Cause("sweep", detail="forgotten"),
            now=now,
        )
    except DomainError:
        return False  # captured, or being captured, this instant
    return True
