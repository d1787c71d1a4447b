"""Sales as payments that can be given back: by the refunds of any charge at the gateway."""

from billing.drivers import leaving
from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing, OutcomeUnknown
from billing.drivers.cardconnect import refunding
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.terminals import sales
from billing.engine import ids
from billing.engine.rails import RefundOrder
from billing.enums import Provider, RefundStatus
from billing.types import ChargeSnapshot, RefundSnapshot
from orgs import clock

_S = TransactionState
_UNDECIDED = (_S.BEGUN, _S.SENT)
_STATUS = {
    _S.BEGUN: RefundStatus.PENDING,
    _S.QUEUED: RefundStatus.PENDING,
    _S.SENT: RefundStatus.PENDING,
    _S.APPROVED: RefundStatus.SUCCEEDED,
    _S.VOIDED: RefundStatus.SUCCEEDED,
    _S.SETTLED: RefundStatus.SUCCEEDED,
    _S.DECLINED: RefundStatus.FAILED,
    _S.REJECTED: RefundStatus.FAILED,
}


def sale_of(external_payment_id: str) -> GatewayTransaction | None:
    """Return the sale with a payment's name; None for a payment that is none."""
    reference = ids.reference_of(external_payment_id)
    rows = GatewayTransaction.objects.filter(kind=TransactionKind.SALE, reference=reference)
    row = rows.select_related("account").first() if reference else None
    return row if row is not None and _name(row) == external_payment_id else None


def retrieve(row: GatewayTransaction) -> ChargeSnapshot:
    """Return a sale with all that was given back of it, once that is decided.

    Raises:
        DriverUnavailable: a refund is undecided, and nobody can say yet.
    """
    for refund_row in sales.refunds_of(row).filter(state__in=_UNDECIDED):
        _decide(row, refund_row)
    row.refresh_from_db()
    refunds = sales.refunds_of(row).exclude(state=_S.ABSENT).order_by("created_at")
    captured = sales.captured_minor(row)
    return ChargeSnapshot(
        provider=Provider.CARDCONNECT,
        external_id=_name(row) if captured else "",
        external_payment_id=_name(row),
        refunds=tuple(_snapshot(one) for one in refunds),
        captured_minor=captured,
        currency=row.currency,
    )


def charge(row: GatewayTransaction) -> ChargeSnapshot:
    """Return a sale that went through.

    Raises:
        ObjectMissing: it did not.
    """
    found = retrieve(row)
    if not found.external_id:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return found


def refund(row: GatewayTransaction, *, amount_minor: int, reference: str) -> RefundSnapshot:
    """Give a sale or a part of it back; the same reference again is the same refund.

    Raises:
        DriverRejected: more than is left of it, or never captured: nothing was given.
        DriverUnavailable: provably nothing was given.
        OutcomeUnknown: sent, no usable answer.
    """
    leaving.refuse_if_late()
    if not sales.captured_minor(row):
        raise DriverRejected("INVALID_REQUEST", detail="not_captured")
    refunding.refund(_order(row, reference, amount_minor))
    given = sales.refunds_of(row).get(reference=reference)
    if given.state in {_S.DECLINED, _S.REJECTED}:
        raise DriverRejected("INVALID_REQUEST", detail="refund_declined")
    return _snapshot(given)


def _decide(row: GatewayTransaction, given: GatewayTransaction) -> None:
    try:
        refunding.find_refund(
            _order(row, given.reference, given.amount_minor),
            sent_at=given.asked_at or given.created_at,
            now=clock.now(row.organization),
        )
    except OutcomeUnknown as error:
        raise DriverUnavailable("API_ERROR", detail="refund_undecided") from error


def _order(row: GatewayTransaction, reference: str, amount_minor: int) -> RefundOrder:
    return RefundOrder(
        organization_id=row.organization_id,
        reference=reference,
        charge_id=row.retref,
        amount_minor=amount_minor,
        currency=row.currency,
    )


def _snapshot(row: GatewayTransaction) -> RefundSnapshot:
    status = _STATUS[TransactionState(row.state)]
    return RefundSnapshot(
        external_id=f"cc_re_{row.reference}",
        status=status,
        amount_minor=row.amount_minor,
        currency=row.currency,
        created_at=row.created_at,
        failure_reason="refund_declined" if status == RefundStatus.FAILED else "",
        reference=row.reference,
    )


def _name(row: GatewayTransaction) -> str:
    return ids.payment_id(Provider.CARDCONNECT, row.reference)
