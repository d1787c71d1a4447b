"""Refunds without an outcome that nobody asks about: their sender died, or the answer was lost.

Some waited, and whoever wanted them was told that they come: they are looked for here, and wait
again if they never arrived. Of others only the engine's row was written, when it was too late to
send anything: their payments are looked at again.
"""

import logging
from datetime import datetime, timedelta

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.drivers.cardconnect import accounts, events, ledger, refunding
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.engine import taken
from billing.engine.models import EngineRefund
from billing.enums import Provider

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


def tell_forgotten(*, now: datetime, limit: int = 100) -> int:
    """Have payments looked at whose refunds stayed undecided, once an hour; say of how many."""
    forgotten = EngineRefund.objects.filter(
        invoice__provider=Provider.CARDCONNECT,
        is_undecided=True,
        sent_at__lt=now - _LOST_AFTER,
    )
    rows = forgotten.select_related("invoice__attempt", "late_charge__attempt")
    return sum(_tell(row, now) for row in rows.order_by("sent_at")[:limit])


def _tell(row: EngineRefund, now: datetime) -> bool:
    return events.tell(
        "charge.refunded",
        f"{row.reference}:{now:%Y%m%d%H}",
        at=now,
        charge=taken.of_refund(row).payment_id,
    )
