"""What follows from an answer about a sale: of the reader's service, or of the gateway."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import (
    amounts,
    calls,
    declines,
    inquiring,
    ledger,
    taking_back,
    trouble,
    voiding,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.inquiring import Row
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.drivers.cardconnect.outcome import Answer, text
from billing.drivers.cardconnect.terminals import answers, commands, sales, stops
from billing.drivers.cardconnect.terminals.answers import Fate
from billing.types import SaleOrder, SaleSnapshot

AUTHORIZED = "Authorized"
_RETRY = "B"

logger = logging.getLogger(__name__)


def of_answer(
    order: SaleOrder, merchant: Merchant, row: GatewayTransaction, answer: Answer
) -> SaleSnapshot:
    """Conclude from what a reader answered.

    Raises:
        DriverRejected, DriverUnavailable: provably not started.
        OutcomeUnknown: it can't be said yet.
    """
    is_unwanted = stops.is_asked(row.reference)
    fate = answers.classify(row.amount_minor, row.reference, answer, is_unwanted=is_unwanted)
    payment = answers.payment_of(answer)
    match fate:
        case Fate.APPROVED:
            return sales.keep(row, payment, is_captured=_is_captured(order, payment))
        case Fate.UNWANTED | Fate.VOIDED:
            return _release(order, merchant, row, payment)
        case Fate.OTHER_AMOUNT:
            taking_back.void_other_amount(row, merchant, payment)
            return sales.release(row, payment, is_other_amount=True)
        case Fate.DECLINED:
            return _declined(row, payment)
        case Fate.BUSY | Fate.REFUSED:
            ledger.mark(row, TransactionState.ABSENT)
            raise commands.error_of("authCard", answer)
        case Fate.CANCELED | Fate.UNKNOWN:
            return _look(order, merchant, row, answer, is_canceled=fate is Fate.CANCELED)


def _look(
    order: SaleOrder,
    merchant: Merchant,
    row: GatewayTransaction,
    answer: Answer,
    *,
    is_canceled: bool,
) -> SaleSnapshot:
    """Ask the gateway once what it has: what it has counts, whatever the reader said.

    Raises:
        OutcomeUnknown: it does not know, which decides nothing yet; or nobody answered.
    """
    try:
        rows = inquiring.rows_of(merchant, row.reference)
        if rows:
            return of_rows(order, merchant, row, rows, is_over=answer.status is not None)
    except DriverUnavailable as error:
        raise trouble.unanswered("authCard", error) from error
    if not is_canceled:
        raise OutcomeUnknown("API_ERROR", detail="authCard_no_answer")
    ledger.mark(row, TransactionState.ABSENT)
    return sales.snapshot_of(row)


def of_rows(
    order: SaleOrder,
    merchant: Merchant,
    row: GatewayTransaction,
    rows: Sequence[Row],
    *,
    is_over: bool,
) -> SaleSnapshot:
    """Conclude from what the gateway has under our reference, the newest last.

    `is_over`: nothing more comes of it. Until then an authorization that the gateway gave up may
    be sent again by the service itself, under the same reference.

    Raises:
        OutcomeUnknown: it can't be said yet.
        DriverUnavailable: nobody answered.
    """
    approvals = inquiring.approvals_of(rows)
    if not approvals:
        if not is_over and any(text(found, "respstat").upper() == _RETRY for found in rows):
            raise OutcomeUnknown("API_ERROR", detail="may_be_sent_again")
        return _ended(row, rows[-1])
    *others, newest = approvals
    taking_back.void_others(row, merchant, others)
    if row.state in sales.CAPTURED:
        return sales.snapshot_of(row, newest)
    is_captured = text(newest, "setlstat") != AUTHORIZED
    if row.state == TransactionState.AUTHORIZED:
        return _held(row, newest, is_captured=is_captured)
    if amounts.from_wire(newest.get("amount")) != row.amount_minor:
        taking_back.void_other_amount(row, merchant, newest)
        return sales.release(row, newest, is_other_amount=True)
    if stops.is_asked(row.reference):
        return _release(order, merchant, row, newest)
    return sales.keep(row, newest, is_captured=is_captured)


def _held(row: GatewayTransaction, there: Row, *, is_captured: bool) -> SaleSnapshot:
    """Take over whether an authorization was captured meanwhile, and how much of it."""
    if is_captured:
        # Ours says what was asked for, the gateway's what it did: never more than both.
        taken = amounts.from_wire(there.get("amount")) or row.amount_minor
        taken = min(taken, row.amount_minor)
        ledger.note(row, TransactionState.APPROVED, there, amount_minor=taken)
    return sales.snapshot_of(row, there)


def _ended(row: GatewayTransaction, there: Row) -> SaleSnapshot:
    if sales.captured_minor(row) and row.state == TransactionState.VOIDED:
        return sales.snapshot_of(row, there)  # taken, and given back before its day was settled
    if text(there, "setlstat") != voiding.VOIDED:
        return sales.decline(row, there)
    if row.state == TransactionState.VOIDED:
        return sales.snapshot_of(row, there)
    return sales.release(row, there)


def _release(
    order: SaleOrder, merchant: Merchant, row: GatewayTransaction, payment: Mapping[str, Any]
) -> SaleSnapshot:
    """Take back what nobody wants any more; what can't be taken back is told as it is.

    Raises:
        OutcomeUnknown: whether it was taken back can't be learned now.
    """
    if taking_back.void(row, merchant, payment):
        return sales.release(row, payment)
    trouble.open_case(
        row,
        summary="A payment at a reader was canceled too late and can't be voided any more: refund "
        f"the order {row.reference}.",
    )
    return sales.keep(row, payment, is_captured=_is_captured(order, payment))


def _declined(row: GatewayTransaction, payment: Mapping[str, Any]) -> SaleSnapshot:
    """Take over a refusal.

    Raises:
        DriverRejected: our request or our account is wrong, not the card.
    """
    snapshot = sales.decline(row, payment)
    if declines.explain(payment, "").is_ours:
        logger.error("cardconnect.refused_as_ours", extra=calls.listed(payment))
        detail = "_".join(("gateway", text(payment, "respcode")))
        raise DriverRejected("INVALID_REQUEST", detail=detail)
    return snapshot


def _is_captured(order: SaleOrder, payment: Mapping[str, Any]) -> bool:
    """Say whether an approval was captured; only an inquiry says so itself."""
    word = text(payment, "setlstat")
    return word != AUTHORIZED if word else order.is_captured_at_once
