"""Charging an invoice through a rail, once.

The try and the invoice are committed as being charged, the rail is called with no transaction
open, and its result is committed. A process that dies in between leaves an undecided charge, which
nobody sends again: it is resolved by asking the rail for our reference.
"""

import dataclasses
import logging
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from django.db import transaction

from billing.drivers import leaving
from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
)
from billing.engine import attempts, late_charges, outcomes
from billing.engine.models import EngineInvoice, EngineSubscription, Payer
from billing.engine.models.invoices import UNDECIDED, BillingReason, ChargeState
from billing.engine.rails import LEAVE_WITHIN, ChargeOrder, ChargeResult, Rail
from billing.enums import AttemptKind, AttemptState, InvoiceStatus, SubscriptionStatus
from billing.models import PaymentAttempt
from orgs import clock
from orgs.base import rows_where

PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
_BEGUN = (
    "attempt",
    "charge_state",
    "charge_sent_at",
    "charge_key",
    "charge_method_id",
    "charge_by_payer",
    "charge_external_id",
    "decline_code",
    "decline_kind",
    "retry_not_before",
    "next_attempt_at",
    "updated_at",
)

# Whose an invoice is never changes.
_PAYER_OF = """
    id = (SELECT payer_id FROM engine_engineinvoice WHERE id = %s) FOR NO KEY UPDATE
"""
_SUBSCRIPTION_OF = """
    id = (SELECT subscription_id FROM engine_engineinvoice WHERE id = %s) FOR NO KEY UPDATE
"""
_INVOICE = "id = %s FOR NO KEY UPDATE"

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """What is to be charged, to what, and on whose initiative.

    `key` is the idempotency key of the call that asks for it; empty for our own runner.
    """

    method_id: str
    by_payer: bool
    key: str = ""


def lock(invoice_id: UUID, *, attempt: PaymentAttempt | None = None) -> EngineInvoice:
    """Lock an invoice with its payer and its subscription, in the caller's transaction.

    The `attempt` that is at hand, with its debt, is not read again.
    """
    # The rows are found and locked at once; the payer first.
    [payer] = rows_where(Payer, _PAYER_OF, invoice_id)
    subscription = next(iter(rows_where(EngineSubscription, _SUBSCRIPTION_OF, invoice_id)), None)
    if attempt is None:
        invoices = EngineInvoice.objects.select_for_update(of=("self",), no_key=True)
        joined = ("attempt__obligation", "seller", "organization")
        invoice = invoices.select_related(*joined).get(pk=invoice_id)
    else:
        [invoice] = rows_where(EngineInvoice, _INVOICE, invoice_id)
        if invoice.attempt_id == attempt.pk:
            invoice.attempt = attempt
    invoice.payer, invoice.subscription = payer, subscription
    if subscription is not None:
        subscription.payer = payer
        if subscription.latest_invoice_id == invoice.pk:
            subscription.latest_invoice = invoice
    return invoice


def collect(rail: Rail, invoice_id: UUID, charge: Charge, *, now: datetime) -> EngineInvoice:
    """Charge an open invoice; return it as it is then. A refusal is no exception.

    Raises:
        DriverUnavailable: provably not charged, or another try is under way.
        DriverRejected: not charged: our request or our account is wrong.
        OutcomeUnknown: sent, no usable answer.
    """
    with transaction.atomic(durable=True):
        invoice = lock(invoice_id)
        is_sent = begin(invoice, charge, now=now)
    return send(rail, invoice, now=now) if is_sent else invoice


def begin(invoice: EngineInvoice, charge: Charge, *, now: datetime) -> bool:
    """Mark a locked invoice as being charged, in the caller's transaction.

    False where nothing is left to be charged, or where nothing can be: without a method it counts
    as declined.

    Raises:
        DriverUnavailable: another try at it is undecided, here or by another rail.
    """
    if invoice.status not in PAYABLE:
        return False
    if invoice.is_undecided:
        raise DriverUnavailable("API_ERROR", detail="charge_undecided")
    if not charge.method_id:
        outcomes.declined(invoice, outcomes.NO_METHOD, now=now)
        return False
    # The time at which this work began may be long past: how old a charge is must be known exactly.
    sent_at = clock.now(invoice.organization)
    attempt = _attempt(invoice, charge, sent_at)
    invoice.attempt = attempt
    invoice.charge_state, invoice.charge_sent_at = ChargeState.SENT, sent_at
    invoice.charge_key = charge.key
    invoice.charge_method_id, invoice.charge_by_payer = charge.method_id, charge.by_payer
    invoice.charge_external_id = invoice.decline_code = invoice.decline_kind = ""
    invoice.retry_not_before = invoice.next_attempt_at = None
    invoice.save(update_fields=_BEGUN)
    _have_taken_over(invoice.subscription, sent_at)
    outcomes.plan(invoice.subscription, now=now)
    return True


def _have_taken_over(row: EngineSubscription | None, sent_at: datetime) -> None:
    """If whoever asked dies before it has taken over what came of it, the runner shall.

    A start is asked about by its service's own try.
    """
    if row is None or row.status == SubscriptionStatus.INCOMPLETE:
        return
    free = EngineSubscription.objects.filter(pk=row.pk, claimed_at=None)
    if row.claimed_at is None and free.update(claimed_at=sent_at):
        row.claimed_at = sent_at


def _attempt(invoice: EngineInvoice, charge: Charge, now: datetime) -> PaymentAttempt:
    attempt = attempts.by_key(
        charge.key, organization_id=invoice.organization_id, provider=invoice.provider
    )
    if attempt is None:
        opened = attempts.open_for(invoice, kind=AttemptKind.CARD, now=now)
        if opened is None:
            raise DriverUnavailable("API_ERROR", detail="charge_undecided")
        return opened
    if attempt.state != AttemptState.SENT or _is_spent(attempt):
        raise DriverRejected("INVALID_REQUEST", detail="idempotency_key_used")
    return attempt


def _is_spent(attempt: PaymentAttempt) -> bool:
    """Say whether a try's reference was sent before: then it never is again."""
    return EngineInvoice.objects.filter(attempt=attempt).exists()


def send(rail: Rail, invoice: EngineInvoice, *, now: datetime) -> EngineInvoice:
    """Call the rail for an invoice that was committed as being charged; write down its answer.

    Raises:
        DriverUnavailable: provably not charged. That includes a process that stood still for too
            long: whoever asked meanwhile may have been told that there is no charge.
        DriverRejected, OutcomeUnknown: as `collect`.
    """
    attempt, sent_at = invoice.attempt, invoice.charge_sent_at
    if attempt is None or sent_at is None:
        raise TypeError("An invoice that is being charged has its attempt.")
    order = dataclasses.replace(order_of(invoice), leave_by=sent_at + LEAVE_WITHIN)
    try:
        leaving.refuse_if_late()
        with leaving.by(sent_at + LEAVE_WITHIN):
            leaving.refuse_if_late()
            result = rail.charge(order)
    except DriverError as error:
        _note_failure(invoice, attempt, order, error)
    return conclude(rail, invoice.pk, attempt, result, now=now)


def _note_failure(
    invoice: EngineInvoice, attempt: PaymentAttempt, order: ChargeOrder, error: DriverError
) -> NoReturn:
    """Write down that there is no result: an unknown one, or provably none."""
    now = clock.now(invoice.organization)
    is_unknown = not isinstance(error, DriverRejected | DriverUnavailable)
    with transaction.atomic(durable=True):
        row = lock(invoice.pk)
        if is_unknown:
            late_charges.note_unknown(row, attempt, order, now=now)
        elif row.attempt_id == attempt.pk and row.is_undecided:
            outcomes.not_processed(row, now=now, error_code=error.code)
    logger.warning(
        "engine.charge_without_result",
        extra={"invoice": invoice.external_id, "code": error.code, "unknown": is_unknown},
    )
    raise error


def conclude(
    rail: Rail, invoice_id: UUID, attempt: PaymentAttempt, result: ChargeResult, *, now: datetime
) -> EngineInvoice:
    """Write down what came of a charge. A success is never lost, however late it is known."""
    with transaction.atomic(durable=True):
        invoice = lock(invoice_id, attempt=attempt)
        is_current = invoice.attempt_id == attempt.pk
        # Others may have looked since the charge began, and let go of what they had claimed.
        _have_taken_over(invoice.subscription, now)
        if result.state == "succeeded":
            is_late = not is_current or invoice.status not in PAYABLE
            if not is_late:
                outcomes.paid(invoice, result, now=now)
        else:
            is_late = False
            if is_current and invoice.is_undecided:
                outcomes.declined(invoice, result, now=now)
    if is_late and not _is_known(invoice, attempt, result):
        outcomes.give_back_late(rail, order_of(invoice), invoice, attempt, result)
    return invoice


def _is_known(invoice: EngineInvoice, attempt: PaymentAttempt, result: ChargeResult) -> bool:
    """Say whether it is this very charge that paid the invoice already."""
    is_paid = invoice.charge_state == ChargeState.SUCCEEDED
    return (
        is_paid
        and invoice.attempt_id == attempt.pk
        and invoice.charge_external_id == result.external_id
    )


def resolve(rail: Rail, invoice: EngineInvoice, *, now: datetime) -> EngineInvoice:
    """Ask the rail what became of an undecided charge, and write that down.

    Raises:
        OutcomeUnknown: it can't be said yet.
        DriverUnavailable: nobody answered.
    """
    attempt, sent_at = invoice.attempt, invoice.charge_sent_at
    if not invoice.is_undecided or attempt is None or sent_at is None:
        return invoice
    result = rail.find_charge(order_of(invoice), sent_at=sent_at, now=now)
    if result is not None:
        return conclude(rail, invoice.pk, attempt, result, now=now)
    with transaction.atomic(durable=True):
        row = lock(invoice.pk)
        if row.attempt_id == attempt.pk and row.is_undecided:
            outcomes.not_processed(row, now=now)
    return row


def resolve_all(rail: Rail | None, subscription: EngineSubscription, *, now: datetime) -> None:
    """Resolve whatever is undecided of a subscription; without a rail nothing ever is.

    Raises:
        OutcomeUnknown, DriverUnavailable: as `resolve`.
    """
    if rail is None:
        return
    rows = EngineInvoice.objects.filter(subscription=subscription, charge_state__in=UNDECIDED)
    for invoice in rows.select_related("attempt__obligation"):
        resolve(rail, invoice, now=now)


def order_of(invoice: EngineInvoice) -> ChargeOrder:
    """Return an invoice's charge as it is sent, or was sent."""
    reference = invoice.attempt.our_reference if invoice.attempt else ""
    is_start = invoice.billing_reason == BillingReason.CREATE
    return ChargeOrder(
        organization_id=invoice.organization_id,
        reference=reference,
        amount_minor=invoice.remaining_minor,
        currency=invoice.currency,
        method_id=invoice.charge_method_id,
        initiator="payer" if invoice.charge_by_payer else "merchant",
        is_recurring=invoice.subscription_id is not None,
        stores_card=invoice.charge_by_payer and is_start,
        description=f"Invoice {invoice.number}",
    )
