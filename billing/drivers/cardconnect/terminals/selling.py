"""Taking a payment at a reader: the whole of it, and no step of it twice.

terminalDetails → connect → tip, if wanted → authCard → what follows from its answer. Only
`authCard` may move money; whatever fails before it is provably not started.
"""

from typing import Any

from billing.drivers import leaving
from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import ledger
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.drivers.cardconnect.outcome import Answer
from billing.drivers.cardconnect.terminals import (
    commands,
    concluding,
    connecting,
    readers,
    sales,
    sessions,
    stops,
    tipping,
)
from billing.drivers.cardconnect.terminals.sessions import Session
from billing.engine.rails import LEAVE_WITHIN
from billing.types import SaleOrder, SaleSnapshot


def run(order: SaleOrder) -> SaleSnapshot:
    """Have a reader take a payment; lasts minutes, and what is returned is final.

    Raises:
        ReaderBusy, ReaderOffline, DriverUnavailable, DriverRejected: provably not started.
        OutcomeUnknown: sent, no usable answer.
    """
    merchant = sales.merchant_of(order)
    sales.refuse_begun(order)
    leaving.refuse_if_late()
    hsn = order.reader.external_id
    readers.refuse_offline(merchant, hsn)
    session = connecting.connect(merchant, hsn, order.reference)
    is_waiting = False
    try:
        tip = tipping.ask(merchant, session, order) if order.asks_for_tip else 0
        if tip is None or stops.is_asked(order.reference):
            return sales.canceled(order)
        session = connecting.renew(merchant, session)
        row = sales.begin(order, merchant, tip_minor=tip)
        answer = _authorize(order, merchant, session, row)
        # Without an answer the reader may still ask for a card: its till must be able to stop it.
        is_waiting = answer.status is None
        snapshot = concluding.of_answer(order, merchant, row, answer)
        is_waiting = False
        return snapshot
    finally:
        if not is_waiting:
            connecting.leave(merchant, session)


def stop(order: SaleOrder) -> None:
    """Have a reader stop asking for a card; an approval that comes all the same is voided.

    Raises:
        DriverRejected, DriverUnavailable: the reader was not told; the payment is not wanted all
            the same.
    """
    stops.ask(order.reference)
    account = sales.account_of(order)
    session = sessions.of_reader(account.pk, order.reader.external_id)
    if session is None or session.reference != order.reference or not session.key:
        return  # it has no session yet, or none any more
    answer = commands.cancel(readers.merchant_of(account.pk), session)
    if not commands.is_done(answer):
        raise commands.error_of("cancel", answer)


def _authorize(
    order: SaleOrder, merchant: Merchant, session: Session, row: GatewayTransaction
) -> Answer:
    """Ask for a card, soon after that was written down or never.

    Raises:
        DriverUnavailable: nothing was sent.
    """
    leave_by = (row.sent_at or row.created_at) + LEAVE_WITHIN
    try:
        return commands.authorize(merchant, session, _fields(order, row), leave_by=leave_by)
    except DriverUnavailable:
        ledger.mark(row, TransactionState.ABSENT)
        raise


def _fields(order: SaleOrder, row: GatewayTransaction) -> dict[str, Any]:
    # Whole cents here, unlike at the gateway; `capture` is true there unless said otherwise.
    return {
        "amount": row.amount_minor,
        "orderId": row.reference,
        "capture": order.is_captured_at_once,
        "includeSignature": False,
        "confirmAmount": True,
        "includeAmountDisplay": True,
        "aid": "credit",
        "createProfile": False,
    }
