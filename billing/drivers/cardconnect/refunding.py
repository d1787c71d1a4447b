"""Giving money back: voided before it is settled, refunded after, queued in between.

Each refund has its own order id. What is queued was never sent, and is tried again by a sweep.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import (
    accounts,
    amounts,
    calls,
    declines,
    finding,
    ledger,
    refund_claims,
    trouble,
    voiding,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.decline_table import Group
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.outcome import Verdict, classify, is_absent, text
from billing.engine.rails import RefundOrder, RefundResult
from orgs import clock

_S = TransactionState
_TAKES_MONEY = (_S.BEGUN, _S.QUEUED, _S.SENT, _S.APPROVED, _S.VOIDED, _S.SETTLED)
# Nobody can say of these whether they are given: neither "yes, some day" nor "no".
_UNDECIDED = (_S.BEGUN, _S.SENT)
_DONE = (_S.APPROVED, _S.VOIDED, _S.SETTLED)
_YES = "Y"

logger = logging.getLogger(__name__)


def refund(order: RefundOrder) -> RefundResult:
    """Give money of a charge back; the same reference again is the same refund.

    Raises:
        DriverRejected, DriverUnavailable: provably not given back.
        OutcomeUnknown: sent, no usable answer.
    """
    charge = ledger.charge_of(organization_id=order.organization_id, retref=order.charge_id)
    if charge is None or order.currency.upper() != charge.currency:
        raise DriverRejected("INVALID_REQUEST", detail="no_such_charge")
    merchant = accounts.ready(charge.account)
    row, is_new = _reserve(order, charge)
    if is_new:
        try:
            return try_to_give(row, charge, merchant)
        except (DriverRejected, DriverUnavailable):
            refund_claims.give_up(row)
            raise
    if row.state in _UNDECIDED:
        raise OutcomeUnknown("API_ERROR", detail="refund_undecided")
    return _result(row)


def _reserve(order: RefundOrder, charge: GatewayTransaction) -> tuple[GatewayTransaction, bool]:
    """Write a refund down unless all of them together would be more than was charged."""
    with transaction.atomic():
        GatewayTransaction.objects.select_for_update().get(pk=charge.pk)
        known = _known(order)
        if known is not None:
            return known, False
        if not 0 < order.amount_minor <= charge.amount_minor - _given_back(charge):
            raise DriverRejected("INVALID_REQUEST", detail="refund_too_large")
        return _write_down(order, charge, _S.BEGUN), True


def _write_down(
    order: RefundOrder, charge: GatewayTransaction, state: TransactionState
) -> GatewayTransaction:
    return GatewayTransaction.objects.create(
        organization_id=charge.organization_id,
        account_id=charge.account_id,
        kind=TransactionKind.REFUND,
        state=state,
        reference=order.reference,
        parent_retref=charge.retref,
        amount_minor=order.amount_minor,
        currency=charge.currency,
        asked_at=clock.now(),
    )


def _given_back(charge: GatewayTransaction) -> int:
    refunds = GatewayTransaction.objects.filter(
        organization_id=charge.organization_id,
        kind=TransactionKind.REFUND,
        parent_retref=charge.retref,
        state__in=_TAKES_MONEY,
    )
    return int(refunds.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def try_to_give(
    row: GatewayTransaction, charge: GatewayTransaction, merchant: Merchant
) -> RefundResult:
    """Void, refund or leave queued, by what the gateway says of the charge now.

    Raises:
        DriverRejected, DriverUnavailable: provably not given back; it is still queued.
        OutcomeUnknown: sent, no usable answer.
    """
    now_there = _charge_there(charge, merchant)
    if text(now_there, "setlstat") == voiding.VOIDED:
        raise DriverRejected("INVALID_REQUEST", detail="charge_voided")
    if text(now_there, "voidable") == _YES and row.amount_minor == charge.amount_minor:
        return _void(row, charge, merchant)
    if text(now_there, "refundable") == _YES:
        return _send(row, charge, merchant)
    refund_claims.leave_waiting(row)
    return _result(row)


def _charge_there(charge: GatewayTransaction, merchant: Merchant) -> Mapping[str, Any]:
    rows = calls.inquire_by_order(merchant, charge.reference)
    found = next((row for row in rows if text(row, "retref") == charge.retref), None)
    if found is None:
        raise DriverRejected("INVALID_REQUEST", detail="no_such_charge")
    return found


def _void(row: GatewayTransaction, charge: GatewayTransaction, merchant: Merchant) -> RefundResult:
    leave_by = refund_claims.claim(row)
    try:
        is_voided = voiding.void(
            merchant, retref=charge.retref, reference=charge.reference, leave_by=leave_by
        )
    except DriverUnavailable as error:
        refund_claims.be_undecided(row)
        raise trouble.unanswered("void", error) from error
    if is_voided:
        ledger.mark(charge, _S.VOIDED)
    # Settled a moment ago: it waits until it can be refunded.
    return _end(row, _S.VOIDED if is_voided else _S.QUEUED, {"retref": charge.retref})


def _send(row: GatewayTransaction, charge: GatewayTransaction, merchant: Merchant) -> RefundResult:
    leave_by = refund_claims.claim(row)
    fields = {
        "retref": charge.retref,
        "amount": amounts.to_wire(row.amount_minor, row.currency),
        "orderid": row.reference,
    }
    try:
        answer = calls.refund(merchant, fields, leave_by=leave_by)
    except DriverUnavailable:
        refund_claims.wait(row)
        raise
    verdict = classify(row.amount_minor, answer)
    match verdict:
        case Verdict.APPROVED:
            return _end(row, _S.APPROVED, answer.body)
        case Verdict.DECLINED:
            is_early = declines.explain(answer.body, "").group is Group.STATE
            return _end(row, _S.QUEUED if is_early else _S.DECLINED, answer.body)
        case Verdict.THROTTLED | Verdict.CONFIG:
            refund_claims.wait(row)
        case _:
            refund_claims.be_undecided(row)  # `find_refund` asks
    raise trouble.of_write("refund", merchant, verdict, answer)


def _end(row: GatewayTransaction, state: TransactionState, body: Mapping[str, Any]) -> RefundResult:
    entry = ledger.Entry(
        kind=TransactionKind.REFUND,
        organization_id=row.organization_id,
        account_id=row.account_id,
        reference=row.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        parent_retref=row.parent_retref,
    )
    ledger.record(entry, state=state, body=body)
    row.refresh_from_db()
    return _result(row)


def _result(row: GatewayTransaction) -> RefundResult:
    if row.state in _DONE:
        return RefundResult("succeeded", external_id=row.retref)
    if row.state == _S.QUEUED:
        return RefundResult("pending")
    return RefundResult("failed", external_id=row.retref, error_code="declined")


def find_refund(order: RefundOrder, *, sent_at: datetime, now: datetime) -> RefundResult | None:
    """Ask what became of a refund; None: it was not given back, and will not be.

    Raises:
        OutcomeUnknown: it can't be said yet.
        DriverUnavailable: nobody answered.
    """
    row = _known(order) or _forestall(order, sent_at=sent_at, now=now)
    if row is None or row.state == _S.ABSENT:
        return None
    if row.state not in _UNDECIDED:
        return _result(row)
    # What had waited was sent much later than it was asked for.
    is_early = now - max(sent_at, row.asked_at or sent_at) < finding.ABSENT_AFTER
    if row.state == _S.BEGUN:
        _find_begun(row, is_early=is_early)
        return None
    result = look_for(row, accounts.askable(row.account))
    if result is not None:
        return result
    if is_early:
        raise OutcomeUnknown("API_ERROR", detail="too_early")
    ledger.mark(row, _S.ABSENT)
    return None


def _find_begun(row: GatewayTransaction, *, is_early: bool) -> None:
    """See to it that what was only begun is not sent any more: its process may be slow, or dead.

    Raises:
        OutcomeUnknown: it may be about to be sent, or has just been.
    """
    if is_early or not refund_claims.give_up(row):
        raise OutcomeUnknown("API_ERROR", detail="too_early")


def look_for(row: GatewayTransaction, merchant: Merchant) -> RefundResult | None:
    """Ask the gateway for a refund that was sent, and write down what it says; None: not there."""
    found = [r for r in calls.inquire_by_order(merchant, row.reference) if not is_absent(r)]
    if found:
        is_approved = text(found[-1], "respstat") == "A"
        is_over = text(found[-1], "setlstat") in {voiding.VOIDED, voiding.DECLINED}
        return _end(row, _S.APPROVED if is_approved and not is_over else _S.DECLINED, found[-1])
    charge = ledger.charge_of(organization_id=row.organization_id, retref=row.parent_retref)
    if charge is not None:
        there = _charge_there(charge, merchant)
        if text(there, "setlstat") == voiding.VOIDED and row.amount_minor == charge.amount_minor:
            ledger.mark(charge, _S.VOIDED)
            return _end(row, _S.VOIDED, {"retref": charge.retref})
    return None


def _known(order: RefundOrder) -> GatewayTransaction | None:
    rows = GatewayTransaction.objects.select_related("account").filter(kind=TransactionKind.REFUND)
    return rows.filter(organization_id=order.organization_id, reference=order.reference).first()


def _forestall(
    order: RefundOrder, *, sent_at: datetime, now: datetime
) -> GatewayTransaction | None:
    """See to it that a refund that was not begun never is: its process may only be slow.

    Raises:
        OutcomeUnknown: it may be about to begin.
    """
    charge = ledger.charge_of(organization_id=order.organization_id, retref=order.charge_id)
    if charge is None:
        return None
    if now - sent_at < finding.ABSENT_AFTER:
        raise OutcomeUnknown("API_ERROR", detail="too_early")
    with transaction.atomic():
        GatewayTransaction.objects.select_for_update().get(pk=charge.pk)
        return _known(order) or _write_down(order, charge, _S.ABSENT)
