"""Giving a payment in person back, in full or in part; and keeping what was given back in step."""

from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from billing.enums import RefundReason
from billing.errors import NothingToRefund, PaymentNotPossible
from billing.handlers import MoneyBack
from billing.models import Obligation
from billing.money import Money
from billing.services import refunds
from billing.types import Cause
from orgs.errors import InvalidRequest
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import lines


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
    return refunds.refund(organization=organization, request=request, cause=cause, now=now)


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


def keep_in_step(money_back: MoneyBack) -> None:
    """Sum up anew what was given back of a payment in person; for `billing.handlers`.

    In the transaction that wrote its refunds.
    """
    found = TerminalPayment.objects.for_org(money_back.organization).filter(
        provider=money_back.provider, external_id=money_back.external_payment_id
    )
    payment = found.select_for_update(of=("self",)).select_related("terminal").first()
    if payment is None or not money_back.external_payment_id:
        return
    payment.organization = money_back.organization
    before, payment.refunded_minor = payment.refunded_minor, _given_back(payment)
    if payment.refunded_minor != before:
        payment.save(update_fields=["refunded_minor", "updated_at"])
    if payment.refunded_minor > before:
        lines.tell(payment=payment, verb="refunded", cause=money_back.cause, now=money_back.now)


def _given_back(payment: TerminalPayment) -> int:
    total = payments.given_back(payment).aggregate(total=Sum("amount_minor"))["total"] or 0
    return min(total, payment.captured_minor)
