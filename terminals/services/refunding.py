"""Giving a payment in person back, in full or in part; and keeping what was given back in step."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.enums import RefundReason
from billing.errors import NothingToRefund, PaymentNotPossible
from billing.models import BillingEvent, Obligation, Refund
from billing.money import Money
from billing.services import refunds
from billing.types import Cause
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import lines, rows

EVENTS = ("billing.payment.refunded", "billing.payment.refund_failed")


def refund(
    *,
    organization: Organization,
    payment_id: UUID,
    amount_minor: int | None = None,
    reason: RefundReason = RefundReason.REQUESTED_BY_CUSTOMER,
    note: str = "",
    request_key: str = "",
    cause: Cause,
    now: datetime,
) -> Obligation:
    """Give a captured payment back, or a part of it (minor units); None is all that is left.

    Returns what is owed: settled, or open while the outcome is unknown.

    Raises:
        NotFound: no such payment of this organization.
        PaymentNotPossible: nothing of it was captured.
        InvalidRequest: the amount is not positive, or more than what is left.
        DomainError: whatever `refunds.refund` raises.
    """
    payment = payments.get_payment(organization, payment_id)
    if payment.status != PaymentStatus.SUCCEEDED:
        raise PaymentNotPossible("Only what is paid can be given back: cancel it instead.")
    _check(payment, amount_minor, request_key)
    request = refunds.RefundRequest(
        provider=payment.provider,
        external_payment_id=payment.external_id,
        reason=reason,
        amount_minor=amount_minor,
        note=note,
        request_key=request_key,
    )
    debt = refunds.refund(organization=organization, request=request, cause=cause, now=now)
    sum_up(payment_id=payment.pk, cause=cause, now=now)
    return debt


def _check(payment: TerminalPayment, amount_minor: int | None, request_key: str) -> None:
    """Refuse early what can't be; a request that comes again is judged where it was kept."""
    left = payment.captured_minor - payment.refunded_minor
    most = Money(payment.captured_minor, payment.currency).display()
    if amount_minor is not None and not 1 <= amount_minor <= payment.captured_minor:
        raise InvalidRequest(fields={"amount": [f"From 1 to what was captured: {most}."]})
    if request_key:
        return
    if left <= 0:
        raise NothingToRefund
    if amount_minor is not None and amount_minor > left:
        rest = Money(left, payment.currency).display()
        raise InvalidRequest(fields={"amount": [f"At most {rest} can be given back."]})


def keep_in_step(event: BillingEvent) -> None:
    """Sum up anew what was given back of a payment in person, once that is committed."""
    named = [str(event.data.get(name, "")) for name in ("charge", "payment_intent", "external_id")]
    given = Refund.objects.for_org(event.organization).filter(
        provider=event.provider, external_id=named[-1]
    )
    about = {*named, *given.values_list("external_payment_id", flat=True)} - {""}
    found = TerminalPayment.objects.for_org(event.organization).filter(
        provider=event.provider, external_id__in=about
    )
    for pk in found.values_list("pk", flat=True):
        cause = Cause(**event.cause)

        def sum_this(pk: UUID = pk, cause: Cause = cause) -> None:
            sum_up(payment_id=pk, cause=cause, now=clock.now(event.organization))

        transaction.on_commit(sum_this, robust=True)


def sum_up(*, payment_id: UUID, cause: Cause, now: datetime) -> None:
    """Bring what was given back of a payment in line with its refunds, and tell it."""
    with transaction.atomic():
        locked = rows.lock(payment_id)
        payment = locked.payment
        total = _sum(payments.given_back(payment), payment)
        is_more = total > payment.refunded_minor
        if total == payment.refunded_minor or payment.status == PaymentStatus.CANCELED:
            return
        payment.refunded_minor = total
        payment.save(update_fields=["refunded_minor", "updated_at"])
        if is_more:
            lines.tell(payment=payment, verb="refunded", cause=cause, now=now)


def _sum(given: Iterable[Refund], payment: TerminalPayment) -> int:
    return min(sum(row.amount_minor for row in given), payment.captured_minor)
