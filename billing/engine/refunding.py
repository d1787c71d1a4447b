"""Payments that went through the rail, and giving them back: each refund once, never too much."""

from datetime import datetime
from typing import NoReturn

from django.db import transaction
from django.db.models import Q, Sum

from billing.drivers import leaving
from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
)
from billing.engine import charging, credit_notes, ids
from billing.engine.house import House, now_of
from billing.engine.models import EngineInvoice, EngineRefund
from billing.engine.models.invoices import ChargeState
from billing.engine.rails import RefundOrder, RefundResult
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
    invoice = _find(house, external_payment_id)
    for refund in invoice.refunds.filter(is_undecided=True):
        _resolve(house, invoice, refund)
    has_paid = invoice.charge_state == ChargeState.SUCCEEDED
    return ChargeSnapshot(
        provider=Provider(invoice.provider),
        external_id=invoice.payment_id if has_paid else "",
        external_payment_id=invoice.payment_id,
        external_customer_id=invoice.payer.external_id,
        # One that was provably never given back is none.
        refunds=tuple(
            _snapshot(invoice, row) for row in invoice.refunds.exclude(status=RefundStatus.CANCELED)
        ),
        captured_minor=_captured(invoice),
        currency=invoice.currency,
    )


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
    invoice = _find(house, external_payment_id)
    leaving.refuse_if_late()
    with transaction.atomic(durable=True):
        invoice = charging.lock(invoice.pk)
        now = clock.now(invoice.organization)
        row = EngineRefund.objects.filter(key=key).first()
        is_new = row is None
        if row is not None and row.invoice_id != invoice.pk:
            raise DriverRejected("INVALID_REQUEST", detail="idempotency_key_used")
        if row is None:
            row = _write(invoice, amount_minor, reason, reference, key, now)
    if is_new:
        try:
            leaving.refuse_if_late()
            result = rail.refund_charge(_order(invoice, row))
        except DriverError as error:
            _note_failure(row, error, clock.now(invoice.organization))
        _conclude(row, result, clock.now(invoice.organization))
    elif row.is_undecided:
        _resolve(house, invoice, row)
    row.refresh_from_db()
    if row.status == RefundStatus.FAILED:
        raise DriverRejected("INVALID_REQUEST", detail=row.failure_reason or "refund_failed")
    return _snapshot(invoice, row)


def _find(house: House, external_payment_id: str) -> EngineInvoice:
    reference = ids.reference_of(external_payment_id)
    rows = EngineInvoice.objects.select_related("payer", "attempt__obligation", "seller")
    found = rows.filter(provider=house.provider, attempt__our_reference=reference).first()
    if not reference or found is None or found.payment_id != external_payment_id:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return found


def _captured(invoice: EngineInvoice) -> int:
    """Return what the rail took: what staff marked went past it."""
    if invoice.charge_state != ChargeState.SUCCEEDED:
        return 0
    return invoice.amount_paid_minor - invoice.paid_by_hand_minor


def _write(
    invoice: EngineInvoice, amount_minor: int, reason: str, reference: str, key: str, now: datetime
) -> EngineRefund:
    """Write a refund down before the rail is asked, unless it is more than is left."""
    given = invoice.refunds.filter(status__in=_GIVEN_BACK).aggregate(sum=Sum("amount_minor"))
    left = _captured(invoice) - (given["sum"] or 0)
    if not 0 < amount_minor <= left:
        raise DriverRejected("INVALID_REQUEST", detail="refund_too_large")
    return EngineRefund.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        external_id=ids.new_id(invoice.provider, "re"),
        key=key,
        reference=reference,
        amount_minor=amount_minor,
        reason=reason,
        status=RefundStatus.PENDING,
        is_undecided=True,
        sent_at=now,
    )


def _order(invoice: EngineInvoice, row: EngineRefund) -> RefundOrder:
    return RefundOrder(
        organization_id=invoice.organization_id,
        reference=row.reference,
        charge_id=invoice.charge_external_id,
        amount_minor=row.amount_minor,
        currency=invoice.currency,
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


def _resolve(house: House, invoice: EngineInvoice, row: EngineRefund) -> None:
    now = now_of(invoice.organization_id)
    try:
        result = house.need_rail().find_refund(_order(invoice, row), sent_at=row.sent_at, now=now)
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
        if changed and status == RefundStatus.SUCCEEDED:
            credit_notes.issue(row, now=now)


def charge_of(row: EngineRefund) -> ChargeSnapshot:
    """Return a refund as its payment with this one refund."""
    invoice = row.invoice
    return ChargeSnapshot(
        provider=Provider(invoice.provider),
        external_id=invoice.payment_id,
        external_payment_id=invoice.payment_id,
        external_customer_id=invoice.payer.external_id,
        refunds=(_snapshot(invoice, row),),
        captured_minor=_captured(invoice),
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
