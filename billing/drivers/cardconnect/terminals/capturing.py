"""Taking what a reader authorized, or giving it up: at the gateway, which is asked first."""

from billing.drivers import leaving
from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing
from billing.drivers.cardconnect import (
    accounts,
    amounts,
    calls,
    inquiring,
    ledger,
    taking_back,
    trouble,
    voiding,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.inquiring import Row
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.drivers.cardconnect.outcome import Answer, Verdict, classify, text
from billing.drivers.cardconnect.terminals import sales
from billing.drivers.cardconnect.terminals.concluding import AUTHORIZED
from billing.types import SaleOrder, SaleSnapshot

_OVER = frozenset({voiding.VOIDED, voiding.DECLINED})


def capture(order: SaleOrder, *, amount_minor: int) -> SaleSnapshot:
    """Take an authorized sale, or a part of it; one that was captured is returned as it is.

    Raises:
        DriverRejected: there is nothing to capture, or more was asked for than authorized.
        DriverUnavailable: provably not captured.
        OutcomeUnknown: sent, no usable answer: ask again.
    """
    row = _known(order)
    merchant = accounts.ready(row.account)
    there = _there(row, merchant)
    word = text(there, "setlstat")
    if word in _OVER or text(there, "respstat").upper() != "A":
        raise DriverRejected("INVALID_REQUEST", detail="nothing_to_capture")
    if word != AUTHORIZED:
        return _captured(row, there)
    if not 0 < amount_minor <= row.authorized_minor:
        raise DriverRejected("INVALID_REQUEST", detail="capture_too_large")
    return _capture(row, merchant, there, amount_minor)


def void(order: SaleOrder) -> SaleSnapshot:
    """Release what a sale holds; what was captured is released as long as its day is not settled.

    Raises:
        DriverRejected: its money was taken: it can only be refunded.
        OutcomeUnknown: whether it was voided can't be learned now: ask again.
    """
    row = _known(order)
    merchant = accounts.askable(row.account)
    there = _there(row, merchant)
    if text(there, "setlstat") in _OVER:
        return sales.release(row, there)
    if not taking_back.void(row, merchant, there):
        raise DriverRejected("INVALID_REQUEST", detail="already_settled")
    return sales.release(row, there)


def _known(order: SaleOrder) -> GatewayTransaction:
    """Return our row of a sale.

    Raises:
        ObjectMissing: there is none, or nothing came of it.
    """
    row = sales.known(order)
    if row is None or not row.retref:
        raise ObjectMissing("INVALID_REQUEST", detail="no_such_sale")
    return row


def _there(row: GatewayTransaction, merchant: Merchant) -> Row:
    """Ask how the gateway has it.

    Raises:
        ObjectMissing: it has none.
        DriverUnavailable: nobody answered.
    """
    rows = inquiring.rows_of(merchant, row.reference)
    found = next((there for there in rows if text(there, "retref") == row.retref), None)
    if found is None:
        raise ObjectMissing("INVALID_REQUEST", detail="no_such_sale")
    return found


def _capture(
    row: GatewayTransaction, merchant: Merchant, there: Row, amount_minor: int
) -> SaleSnapshot:
    # If the answer is lost, this is what was captured.
    GatewayTransaction.objects.filter(pk=row.pk).update(amount_minor=amount_minor)
    row.amount_minor = amount_minor
    fields = {"retref": row.retref, "amount": amounts.to_wire(amount_minor, row.currency)}
    answer = calls.capture(merchant, fields, leave_by=leaving.until())
    verdict = classify(amount_minor, answer)
    if verdict is Verdict.APPROVED:
        return _captured(row, {**there, **answer.body})
    return _look_again(row, merchant, verdict, answer)


def _look_again(
    row: GatewayTransaction, merchant: Merchant, verdict: Verdict, answer: Answer
) -> SaleSnapshot:
    """Ask what a capture without a clear answer did.

    Raises:
        DriverRejected, DriverUnavailable: nothing.
        OutcomeUnknown: it can't be said yet.
    """
    try:
        there = _there(row, merchant)
    except DriverUnavailable as error:
        raise trouble.unanswered("capture", error) from error
    if text(there, "setlstat") != AUTHORIZED and text(there, "setlstat") not in _OVER:
        return _captured(row, there)
    if verdict is Verdict.DECLINED:
        code = text(answer.body, "respcode")
        raise DriverRejected("INVALID_REQUEST", detail=f"gateway_{code}")
    raise trouble.of_write("capture", merchant, verdict, answer)


def _captured(row: GatewayTransaction, there: Row) -> SaleSnapshot:
    if row.state == TransactionState.AUTHORIZED:
        ledger.note(row, TransactionState.APPROVED, there, amount_minor=row.amount_minor)
    return sales.snapshot_of(row, there)
