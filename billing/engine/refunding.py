"""Payments that went through the rail, and giving them back: each refund once, never too much."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import NoReturn

from django.db import transaction
from django.db.models import Q, Sum

from billing.drivers import leaving
from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    OutcomeUnknown,
)
from billing.engine import charging, credit_notes, ids, taken
from billing.engine.house import House, now_of
from billing.engine.models import EngineInvoice, EngineRefund
from billing.engine.rails import RefundOrder, RefundResult
from billing.engine.taken import Taken
from billing.enums import Provider, RefundStatus
from billing.types import ChargeSnapshot, RefundSnapshot
from orgs import clock

_GIVEN_BACK = (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
_STATUS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
}


def retrieve(house: House, external_payment_id: str) -> ChargeSnapshot:
    """Ask for a payment, with all that was given back of it, once that is decided.

    Raises:
        ObjectMissing: no payment of this name.
        DriverUnavailable: a refund is undecided, and nobody can say yet.
    """
    payment = taken.find(house, external_payment_id)
    for refund in payment.refunds.filter(is_undecided=True):
        _resolve(house, payment, refund)
    # One that was provably never given back is none.
    given = payment.refunds.exclude(status=RefundStatus.CANCELED)
    return _charge(payment, [_snapshot(payment.invoice, row) for row in given])


def refund(
    house: House,
    external_payment_id: str,
    *,
    amount_minor: int,
    reason: str,
    reference: str,
    key: str,
) -> RefundSnapshot:
    """Give back a payment or a part of it. The same key gets what came of it.

    Raises:
        DriverRejected: more than is left of it, or never paid: nothing was given.
        DriverUnavailable: provably nothing was given.
        OutcomeUnknown: sent, no usable answer.
    """
    rail = house.need_rail()
    payment = taken.find(house, external_payment_id)
    leaving.refuse_if_late()
    with transaction.atomic(durable=True):
        invoice = charging.lock(payment.invoice.pk)
        payment = dataclasses.replace(payment, invoice=invoice)
        now = clock.now(invoice.organization)
        row = EngineRefund.objects.filter(key=key).first()
        is_new = row is None
        if row is not None and row.invoice_id != invoice.pk:
            raise DriverRejected("INVALID_REQUEST", detail="idempotency_key_used")
        if row is None:
            row = _write(payment, amount_minor, reason, reference, key, now)
    if is_new:
        try:
            leaving.refuse_if_late()
            result = rail.refund_charge(_order(payment, row))
        except DriverError as error:
            _note_failure(row, error, clock.now(invoice.organization))
        _conclude(row, result, clock.now(invoice.organization))
    elif row.is_undecided:
        _resolve(house, payment, row)
    row.refresh_from_db()
    if row.status == RefundStatus.FAILED:
        raise DriverRejected("INVALID_REQUEST", detail=row.failure_reason or "refund_failed")
    return _snapshot(invoice, row)


def _write(
    payment: Taken, amount_minor: int, reason: str, reference: str, key: str, now: datetime
) -> EngineRefund:
    """Write a refund down before the rail is asked, unless it is more than is left."""
    invoice = payment.invoice
    given = payment.refunds.filter(status__in=_GIVEN_BACK).aggregate(sum=Sum("amount_minor"))
    left = payment.captured_minor - (given["sum"] or 0)
    if not 0 < amount_minor <= left:
        raise DriverRejected("INVALID_REQUEST", detail="refund_too_large")
    return EngineRefund.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        late_charge=payment.late,
        external_id=ids.new_id(invoice.provider, "re"),
        key=key,
        reference=reference,
        amount_minor=amount_minor,
        reason=reason,
        status=RefundStatus.PENDING,
        is_undecided=True,
        sent_at=now,
    )


def _order(payment: Taken, row: EngineRefund) -> RefundOrder:
    return RefundOrder(
        organization_id=row.organization_id,
        reference=row.reference,
        charge_id=payment.charge_external_id,
        amount_minor=row.amount_minor,
        currency=payment.invoice.currency,
    )


def _note_failure(row: EngineRefund, error: DriverError, now: datetime) -> NoReturn:
    if isinstance(error, DriverRejected | DriverUnavailable):
        _end(row, RefundStatus.CANCELED, now, failure_reason=error.detail or error.code)
    else:
        _be_undecided(row, now)
    raise error


def _be_undecided(row: EngineRefund, now: datetime) -> None:
    """Have a refund asked about again that was taken for absent while its answer was awaited."""
    EngineRefund.objects.filter(pk=row.pk, is_undecided=False, status=RefundStatus.CANCELED).update(
        status=RefundStatus.PENDING,
        is_undecided=True,
        failure_reason="",
        sent_at=now,
        updated_at=now,
    )


def _resolve(house: House, payment: Taken, row: EngineRefund) -> None:
    now = now_of(row.organization_id)
    try:
        result = house.need_rail().find_refund(_order(payment, row), sent_at=row.sent_at, now=now)
    except OutcomeUnknown as error:
        raise DriverUnavailable("API_ERROR", detail="refund_undecided") from error
    if result is None:
        _end(row, RefundStatus.CANCELED, now, failure_reason="not_processed")
    else:
        _conclude(row, result, now)


def _conclude(row: EngineRefund, result: RefundResult, now: datetime) -> None:
    _end(
        row,
        _STATUS[result.state],
        now,
        rail_id=result.external_id,
        failure_reason=result.error_code,
    )


def _end(
    row: EngineRefund,
    status: RefundStatus,
    now: datetime,
    *,
    rail_id: str = "",
    failure_reason: str = "",
) -> None:
    open_ones = Q(is_undecided=True)
    if status in _GIVEN_BACK:
        # What went back is never lost, however late it is known.
        open_ones |= Q(status=RefundStatus.CANCELED)
    with transaction.atomic():
        changed = EngineRefund.objects.filter(open_ones, pk=row.pk).update(
            status=status,
            is_undecided=False,
            rail_id=rail_id,
            failure_reason=failure_reason[:100],
            updated_at=now,
        )
        # What came one too often was never invoiced: nothing is credited.
        if changed and status == RefundStatus.SUCCEEDED and row.late_charge_id is None:
            credit_notes.issue(row, now=now)


def charge_of(row: EngineRefund) -> ChargeSnapshot:
    """Return a refund as its payment with this one refund."""
    return _charge(taken.of_refund(row), [_snapshot(row.invoice, row)])


def _charge(payment: Taken, refunds: Iterable[RefundSnapshot]) -> ChargeSnapshot:
    invoice = payment.invoice
    return ChargeSnapshot(
        provider=Provider(invoice.provider),
        external_id=payment.payment_id if payment.has_succeeded else "",
        external_payment_id=payment.payment_id,
        external_customer_id=invoice.payer.external_id,
        refunds=tuple(refunds),
        captured_minor=payment.captured_minor,
        currency=invoice.currency,
    )


def _snapshot(invoice: EngineInvoice, row: EngineRefund) -> RefundSnapshot:
    return RefundSnapshot(
        external_id=row.external_id,
        status=RefundStatus(row.status),
        amount_minor=row.amount_minor,
        currency=invoice.currency,
        created_at=row.sent_at,
        reason=row.reason,
        failure_reason=row.failure_reason,
        reference=row.reference,
        credit_note=credit_notes.of_refund(row, invoice),
    )
