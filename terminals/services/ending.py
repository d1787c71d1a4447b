"""Ending payments that are not wanted any more: nothing may stay held or taken of them."""

import logging
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import ObligationState, RefundReason
from billing.errors import NothingToRefund, PaymentPending, ProviderBusy, ProviderFailed
from billing.models import PaymentAttempt
from billing.services import projection, refunds, settlement
from billing.types import Cause
from orgs.errors import DomainError
from terminals.enums import FINAL_STATUSES, PaymentStatus
from terminals.models import TerminalPayment
from terminals.services import concluding, late_sales, lines, processing, rows

logger = logging.getLogger(__name__)


def finish(*, payment_id: UUID | str, cause: Cause, now: datetime) -> bool:
    """End a payment that its till gave up on, as far as that can be done now; say if it is over.

    While a reader is at it, whoever waits for the reader decides. What was authorized is voided,
    what was taken given back; what can't be either is paid, and a case says so.
    """
    payment = _unwanted().filter(pk=payment_id).first()
    if payment is None:
        return False
    attempt = rows.attempt_about(payment, payment.external_id)
    is_asked_for = attempt is not None and attempt.state in rows.UNDECIDED
    if is_asked_for and (processing.is_blocking(payment.provider) or not payment.external_id):
        return False
    if not payment.external_id or attempt is None:
        return _end_here(payment, cause, now)
    if payment.captured_at is not None:
        return _give_back(payment, cause, now)
    return _void(payment, attempt, cause, now)


def finish_due(*, now: datetime, limit: int = 50) -> int:
    """End whatever its till gave up on; say how many are over."""
    waiting = _unwanted().order_by("cancel_requested_at").values_list("pk", flat=True)[:limit]
    return sum(finish(payment_id=pk, cause=Cause("sweep"), now=now) for pk in waiting)


def _unwanted() -> QuerySet[TerminalPayment]:
    rows_ = TerminalPayment.objects.select_related("terminal", "organization")
    return rows_.exclude(status__in=FINAL_STATUSES).filter(cancel_requested_at__isnull=False)


def _end_here(payment: TerminalPayment, cause: Cause, now: datetime) -> bool:
    """Nothing is known of it at its provider: it ends with us."""
    with transaction.atomic():
        locked = rows.lock(payment.pk)
        live = locked.live
        if live is not None and live.state in rows.UNDECIDED:
            return False
        if locked.payment.status not in FINAL_STATUSES:
            concluding.cancel(locked=locked, cause=cause, now=now)
            locked.payment.save()
    return True


def _void(payment: TerminalPayment, attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    driver = registry.get_driver(payment.provider)
    order = rows.order_of(payment, attempt)
    fetched_at = projection.database_now()
    try:
        # Done twice it is done once; under an old key a provider would repeat an old refusal.
        snapshot = driver.void_sale(order, idempotency_key=f"{payment.pk}:void:{uuid4()}")
    except DriverRejected:
        return _look(payment, attempt, cause, now)
    except DriverError as error:
        logger.warning("terminals.not_voided", extra={"id": str(payment.pk), "code": error.code})
        return False
    done = concluding.conclude(
        attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    return done.status in FINAL_STATUSES


def _look(payment: TerminalPayment, attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    """It can't be voided: it was taken meanwhile, and is given back, or it is over."""
    fetched_at = projection.database_now()
    order = rows.order_of(payment, attempt)
    driver = registry.get_driver(payment.provider)
    try:
        snapshot = driver.find_sale(order, sent_at=attempt.sent_at, now=now)
    except DriverError as error:
        logger.warning("terminals.not_voided", extra={"id": str(payment.pk), "code": error.code})
        return False
    if snapshot is None:
        return False
    found = concluding.conclude(
        attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    if found.status not in FINAL_STATUSES and found.captured_at is not None:
        return _give_back(found, cause, now)
    return found.status in FINAL_STATUSES


def _give_back(payment: TerminalPayment, cause: Cause, now: datetime) -> bool:
    """It was taken although nobody wanted it any more: give all of it back."""
    request = refunds.RefundRequest(
        provider=payment.provider,
        external_payment_id=payment.external_id,
        reason=RefundReason.OTHER,
        note="Canceled at the till before it was approved.",
        request_key=f"terminal-cancel:{payment.pk}",
    )
    try:
        debt = refunds.refund(
            organization=payment.organization, request=request, cause=cause, now=now
        )
    except (ProviderBusy, ProviderFailed, PaymentPending):
        return False
    except NothingToRefund:
        return _is_given_back(payment, cause, now)  # somebody was faster, at the provider
    except DomainError:
        logger.exception("terminals.not_given_back", extra={"id": str(payment.pk)})
        return _stays_paid(payment, cause, now)
    return debt.state == ObligationState.SETTLED and _is_given_back(payment, cause, now)


def _is_given_back(payment: TerminalPayment, cause: Cause, now: datetime) -> bool:
    with transaction.atomic():
        locked = rows.lock(payment.pk)
        if locked.payment.status not in FINAL_STATUSES:
            locked.payment.refunded_minor = locked.payment.captured_minor
            concluding.cancel(locked=locked, cause=cause, now=now)
            locked.payment.save()
    return True


def _stays_paid(payment: TerminalPayment, cause: Cause, now: datetime) -> bool:
    """It can be neither voided nor given back: it is paid, and a person has to decide."""
    with transaction.atomic():
        locked = rows.lock(payment.pk)
        payment = locked.payment
        if payment.status in FINAL_STATUSES:
            return True
        settlement.settle(debt=locked.settle(None), now=now)
        payment.status, payment.finished_at = PaymentStatus.SUCCEEDED, now
        payment.save()
        lines.tell(payment=payment, verb="succeeded", cause=cause, now=now)
        late_sales.open_case(
            locked=locked,
            external_id=payment.external_id,
            amount_minor=payment.captured_minor,
            is_taken=True,
            cause=cause,
            now=now,
        )
    return True
