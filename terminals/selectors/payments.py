"""Reads of payments in person."""

import contextlib
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billing.enums import AttemptState
from billing.models import PaymentAttempt
from orgs.errors import NotFound
from orgs.models import Organization
from terminals.enums import OPEN_STATUSES, PaymentStatus
from terminals.models import TerminalPayment

OPEN = "open"


def list_payments(
    organization: Organization,
    *,
    terminal_id: UUID | None = None,
    status: str = "",
    reference: str = "",
) -> QuerySet[TerminalPayment]:
    """Return an organization's payments, in no order. `status` is one word, or `open`."""
    rows = TerminalPayment.objects.for_org(organization).select_related("terminal")
    if terminal_id is not None:
        rows = rows.filter(terminal=terminal_id)
    if status:
        wanted = OPEN_STATUSES if status == OPEN else (status,)
        rows = rows.filter(status__in=wanted)
    if reference:
        rows = rows.filter(reference=reference)
    return rows


def get_payment(organization: Organization, payment_id: UUID) -> TerminalPayment:
    """Return one payment with its reader.

    Raises:
        NotFound: there is none, or it is another organization's.
    """
    with contextlib.suppress(TerminalPayment.DoesNotExist):
        return list_payments(organization).get(pk=payment_id)
    raise NotFound


def by_request_key(organization: Organization, request_key: str) -> TerminalPayment | None:
    """Return the payment that an Idempotency-Key opened."""
    if not request_key:
        return None
    rows = list_payments(organization)
    return rows.filter(obligation__request_key=request_key).first()


def resolve_after(payment: TerminalPayment) -> datetime | None:
    """Return when the provider is asked about what is in doubt: a sale, or a capture.

    None while nothing is: also while a reader is at it.
    """
    if payment.status not in (PaymentStatus.UNKNOWN, PaymentStatus.REQUIRES_CAPTURE):
        return None
    undecided = PaymentAttempt.objects.filter(
        organization_id=payment.organization_id,
        obligation=payment.obligation_id,
        state__in=[AttemptState.SENT, AttemptState.UNKNOWN],
    )
    return undecided.values_list("resolve_after", flat=True).first()
