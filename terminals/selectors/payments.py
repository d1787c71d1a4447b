"""Reads of payments in person."""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billing.enums import AttemptState, RefundStatus
from billing.models import PaymentAttempt, Refund
from orgs.errors import NotFound
from orgs.models import Organization
from terminals.enums import OPEN_STATUSES, PaymentStatus
from terminals.models import TerminalPayment

OPEN = "open"
# A refund that failed or was withdrawn has given nothing back; one under way counts.
NOT_GIVEN_BACK = (RefundStatus.FAILED, RefundStatus.CANCELED)
_MAY_BE_IN_DOUBT = (PaymentStatus.UNKNOWN, PaymentStatus.REQUIRES_CAPTURE)


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
    return resolve_after_of([payment]).get(payment.pk)


def resolve_after_of(payments: Iterable[TerminalPayment]) -> dict[UUID, datetime]:
    """Return the same for several payments of one organization, in one query."""
    doubted = {row.obligation_id: row for row in payments if row.status in _MAY_BE_IN_DOUBT}
    if not doubted:
        return {}
    undecided = PaymentAttempt.objects.filter(
        organization_id__in={row.organization_id for row in doubted.values()},
        obligation__in=doubted,
        state__in=[AttemptState.SENT, AttemptState.UNKNOWN],
        resolve_after__isnull=False,
    )
    rows = undecided.values_list("obligation", "resolve_after")
    return {doubted[obligation].pk: asked_at for obligation, asked_at in rows if asked_at}


def given_back(payment: TerminalPayment) -> QuerySet[Refund]:
    """Return the refunds of a payment, oldest first; what failed has given nothing back."""
    rows = Refund.objects.filter(
        organization=payment.organization_id,
        provider=payment.provider,
        external_payment_id=payment.external_id,
    )
    return rows.exclude(status__in=NOT_GIVEN_BACK).order_by("requested_at")
