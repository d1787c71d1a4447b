"""A second look at every sale, once nothing more can come of it: one approval at most may stay.

The terminal service may send an authorization again by itself, and may void what it had no answer
to, also after we were told, or found out, how a sale ended. Source: the guide to integrations, on
transactions that time out between the service and the gateway.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.drivers.base import DriverError
from billing.drivers.cardconnect import accounts, amounts, inquiring, ledger, taking_back, trouble
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.inquiring import Row
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.outcome import text
from billing.drivers.cardconnect.terminals import sales
from billing.drivers.cardconnect.terminals.finding import ABSENT_AFTER

# By then its day is settled: what is one too many can only be given back by a person.
_LATEST = timedelta(days=1)
_WANTED = (TransactionState.AUTHORIZED, *sales.CAPTURED)
_GAVE_NOTHING = (TransactionState.ABSENT, TransactionState.DECLINED)

logger = logging.getLogger(__name__)


def look_again(*, now: datetime, limit: int = 200) -> int:
    """Look at the sales whose time has come; say at how many."""
    due = GatewayTransaction.objects.select_related("account").filter(
        kind=TransactionKind.SALE,
        looked_again_at=None,
        sent_at__lt=now - ABSENT_AFTER,
        sent_at__gte=now - _LATEST,
    )
    rows = due.exclude(state=TransactionState.SENT).order_by("sent_at")[:limit]
    return sum(_look(row, now) for row in list(rows))


def _look(row: GatewayTransaction, now: datetime) -> bool:
    try:
        merchant = accounts.usable(row.account)
        approvals = inquiring.approvals_of(inquiring.rows_of(merchant, row.reference))
        row.refresh_from_db()
        _leave_one(row, merchant, approvals)
    except DriverError as error:
        about = {"reference": row.reference, "code": error.code}
        logger.warning("cardconnect.not_looked_again", extra=about)
        return False
    GatewayTransaction.objects.filter(pk=row.pk).update(looked_again_at=now)
    return True


def _leave_one(row: GatewayTransaction, merchant: Merchant, approvals: Sequence[Row]) -> None:
    """Void what is one too many: of a sale that is not wanted, all.

    Raises:
        DriverUnavailable, OutcomeUnknown: it is not certain that it was voided: look again.
    """
    ours = [there for there in approvals if text(there, "retref") == row.retref]
    if row.state not in _WANTED:
        stays: Sequence[Row] = ()
    elif ours:
        stays = ours
    else:
        stays = [there for there in approvals if _is_as_agreed(row, there)][-1:]
    taking_back.void_others(row, merchant, [there for there in approvals if there not in stays])
    if row.state in _WANTED and not ours:
        _replace(row, stays)


def _is_as_agreed(row: GatewayTransaction, there: Row) -> bool:
    return amounts.from_wire(there.get("amount")) == row.amount_minor


def _replace(row: GatewayTransaction, stays: Sequence[Row]) -> None:
    """The approval that we know is gone: another one took its place, or a person has to look."""
    if stays:
        logger.error("cardconnect.sale_replaced", extra={"reference": row.reference})
        ledger.note(row, TransactionState(row.state), stays[0])
    elif not sales.refunds_of(row).exclude(state__in=_GAVE_NOTHING).exists():
        trouble.open_case(
            row,
            summary="A payment at a reader was approved, and voided at the gateway afterwards: its "
            f"till shows it as paid. Look for the order {row.reference} there, and collect it "
            "again.",
        )
