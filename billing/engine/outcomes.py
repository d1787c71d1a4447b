"""What follows from a charge: for its invoice, its try, and its subscription.

Everything but `give_back_late` runs in the caller's transaction, with payer, subscription and
invoice locked (`charging.lock`).
"""

import dataclasses
import logging
from datetime import datetime, timedelta

from django.db.models import Q

from billing.drivers.base import DriverError
from billing.engine import attempts, change_plans, due, ids, papers
from billing.engine.models import EngineInvoice, EngineSubscription, LateCharge
from billing.engine.models.invoices import BillingReason, ChargeState
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind, Rail
from billing.enums import (
    AttemptState,
    CaseKind,
    InvoiceStatus,
    SubscriptionStatus,
)
from billing.models import Case, PaymentAttempt
from orgs.base import insert_once

# What an invoice counts as that nothing can be charged to.
NO_METHOD = ChargeResult("failed", decline_code="no_payment_method", decline_kind=DeclineKind.HARD)
# A renewal that provably was not charged: the rail was down, or our account is wrong.
TRY_AGAIN_AFTER = timedelta(minutes=15)
_OWING = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
_RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING)

logger = logging.getLogger(__name__)


def paid(invoice: EngineInvoice, result: ChargeResult, *, now: datetime) -> None:
    """Take over that a charge went through."""
    invoice.charge_state = ChargeState.SUCCEEDED
    invoice.charge_external_id = result.external_id
    invoice.attempt_count += 1
    if invoice.attempt is not None:
        attempts.end(
            invoice.attempt, AttemptState.SUCCEEDED, now=now, external_id=invoice.payment_id
        )
    settled(invoice, now=now)


def settled(invoice: EngineInvoice, *, now: datetime) -> None:
    """Take over that an invoice has been paid in full, whoever moved the money."""
    invoice.status, invoice.paid_at = InvoiceStatus.PAID, now
    invoice.amount_paid_minor = invoice.amount_due_minor
    invoice.next_attempt_at = None
    invoice.save()
    attempts.settle(invoice, now=now)
    if invoice.subscription is not None:
        _go_on(invoice.subscription, invoice, now)
        plan(invoice.subscription, now=now)


def _go_on(row: EngineSubscription, invoice: EngineInvoice, now: datetime) -> None:
    if row.status == SubscriptionStatus.INCOMPLETE:
        if invoice.billing_reason == BillingReason.CREATE:
            row.status = SubscriptionStatus.ACTIVE
    elif row.status in _OWING and not _owes(row, now):
        row.status = SubscriptionStatus.ACTIVE
    pending = row.pending_change
    if pending and pending["invoice"] == invoice.external_id:
        row.latest_invoice = invoice
        change = change_plans.plan_change(row, change_plans.from_json(pending))
        change_plans.apply_change(row, change, now=now)


def _owes(row: EngineSubscription, now: datetime) -> bool:
    """Say whether another invoice of a subscription is overdue or was declined."""
    was_declined = Q(billing_reason=BillingReason.CYCLE, first_failed_at__isnull=False)
    rows = EngineInvoice.objects.filter(subscription=row, status=InvoiceStatus.OPEN)
    return rows.filter(was_declined | Q(due_at__lte=now)).exists()


def declined(invoice: EngineInvoice, result: ChargeResult, *, now: datetime) -> None:
    """Take over that a charge was refused. The dunning policy says when it is tried again."""
    invoice.charge_state = ChargeState.FAILED
    invoice.decline_code = result.decline_code
    invoice.decline_kind = (result.decline_kind or DeclineKind.SOFT).value
    invoice.retry_not_before = result.retry_not_before
    if result.decline_kind is not DeclineKind.TRANSIENT:
        invoice.attempt_count += 1
    invoice.first_failed_at = invoice.first_failed_at or now
    invoice.last_failed_at = now
    is_regular = invoice.billing_reason == BillingReason.CYCLE
    invoice.next_attempt_at = now if is_regular else None
    invoice.save()
    if invoice.attempt is not None:
        attempts.end(
            invoice.attempt,
            AttemptState.FAILED,
            now=now,
            error_code="CARD_DECLINED",
            decline_code=result.decline_code,
        )
    row = invoice.subscription
    if row is not None:
        if is_regular and row.status in _RUNNING:
            row.status = SubscriptionStatus.PAST_DUE
        plan(row, now=now)


def unknown(invoice: EngineInvoice, *, now: datetime) -> None:
    """Take over that a charge had no usable answer."""
    invoice.charge_state = ChargeState.UNKNOWN
    invoice.save(update_fields=["charge_state", "updated_at"])
    if invoice.attempt is not None:
        attempts.end(invoice.attempt, AttemptState.UNKNOWN, now=now)


def not_processed(invoice: EngineInvoice, *, now: datetime, error_code: str = "") -> None:
    """Take over that a charge provably never happened: no decline, and nothing changes by it."""
    invoice.charge_state = ChargeState.NOT_PROCESSED
    if invoice.billing_reason in (BillingReason.CYCLE, BillingReason.END):
        invoice.next_attempt_at = now + TRY_AGAIN_AFTER
    invoice.save(update_fields=["charge_state", "next_attempt_at", "updated_at"])
    if invoice.attempt is not None:
        attempts.end(invoice.attempt, AttemptState.NOT_PROCESSED, now=now, error_code=error_code)
    row = invoice.subscription
    if row is not None and row.pending_change:
        _forget_change(row, invoice, now)
    plan(row, now=now)


def _forget_change(row: EngineSubscription, invoice: EngineInvoice, now: datetime) -> None:
    """Leave nothing of a change whose charge never happened: nobody would ever try it again."""
    if row.pending_change and row.pending_change["invoice"] == invoice.external_id:
        papers.void(invoice, now=now)
        row.pending_change = None


def plan(row: EngineSubscription | None, *, now: datetime) -> None:
    """Save a subscription with the time at which it is looked at again."""
    if row is None:
        return
    due.plan(row)
    row.updated_at = now
    row.save()


def give_back_late(
    rail: Rail,
    order: ChargeOrder,
    invoice: EngineInvoice,
    attempt: PaymentAttempt,
    result: ChargeResult,
) -> None:
    """Take back a charge that went through for an invoice which was settled or given up.

    What can't be taken back any more is a case for staff. No transaction is open here.
    """
    order = dataclasses.replace(order, reference=attempt.our_reference)
    try:
        is_voided = rail.void_charge(order, charge_id=result.external_id)
    except DriverError as error:
        logger.warning("engine.late_charge_not_voided", extra={"code": error.code})
        is_voided = False
    if is_voided:
        logger.info("engine.late_charge_voided", extra={"invoice": invoice.external_id})
        return
    _keep(order, invoice, attempt, result)
    payment_id = ids.payment_id(invoice.provider, attempt.our_reference)
    insert_once(
        Case(
            organization_id=invoice.organization_id,
            kind=CaseKind.LATE_WINNER,
            subscription_id=attempt.obligation.subscription_id,
            external_id=payment_id,
            external_payment_id=payment_id,
            summary=f"Invoice {invoice.number} was charged after it was settled or given up: "
            "refund the payment.",
        )
    )


def _keep(
    order: ChargeOrder, invoice: EngineInvoice, attempt: PaymentAttempt, result: ChargeResult
) -> None:
    """Write down a charge one too many, so that it can be refunded as any other payment."""
    LateCharge.objects.update_or_create(
        attempt=attempt,
        defaults={"charge_external_id": result.external_id},
        create_defaults={
            "organization_id": invoice.organization_id,
            "invoice": invoice,
            "method_id": order.method_id,
            "by_payer": order.initiator == "payer",
            "amount_minor": attempt.obligation.amount_minor,
            "currency": attempt.obligation.currency,
            "sent_at": attempt.sent_at or attempt.created_at,
            "charge_external_id": result.external_id,
        },
    )
