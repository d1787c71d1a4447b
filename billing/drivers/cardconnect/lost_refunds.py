"""Refunds that waited, were sent, and have no outcome: their sender died, or the answer was lost.

Whoever asked for them was told that they come, so nobody else asks: they are looked for here, and
wait again if they never arrived.
"""

import logging
from datetime import datetime, timedelta

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.drivers.cardconnect import accounts, ledger, refunding
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState

# Much longer than the gateway may take: what is not there by then never will be.
_LOST_AFTER = timedelta(minutes=10)

logger = logging.getLogger(__name__)


def find_lost(*, now: datetime, limit: int = 100) -> list[GatewayTransaction]:
    """Ask about refunds without an outcome; return those that were decided."""
    lost = ledger.refunds_asked_before(now - _LOST_AFTER, state=TransactionState.SENT, limit=limit)
    return [row for row in lost if _find(row)]


def _find(row: GatewayTransaction) -> bool:
    try:
        result = refunding.look_for(row, accounts.usable(row.account))
    except (DriverRejected, DriverUnavailable) as error:
        logger.warning(
            "cardconnect.refund_not_found_yet",
            extra={"reference": row.reference, "code": error.code},
        )
        return False
    if result is None:
        ledger.mark(row, TransactionState.QUEUED)
    return result is not None and result.state != "pending"
