"""Refunds that wait until their charge has settled: nothing of them was sent."""

import logging
from datetime import datetime, timedelta

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import accounts, ledger, refunding
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from orgs import clock

# A batch closes once a day; the gateway says more often whether it did.
_ASK_AGAIN_AFTER = timedelta(hours=1)

logger = logging.getLogger(__name__)


def send_queued(*, now: datetime, limit: int = 100) -> list[GatewayTransaction]:
    """Try refunds again that wait for their charge to settle; return those that were decided."""
    due = ledger.refunds_asked_before(
        now - _ASK_AGAIN_AFTER, state=TransactionState.QUEUED, limit=limit
    )
    return [row for row in due if _retry(row)]


def _retry(row: GatewayTransaction) -> bool:
    charge = ledger.charge_of(organization_id=row.organization_id, retref=row.parent_retref)
    if charge is None:
        return False
    GatewayTransaction.objects.filter(pk=row.pk).update(asked_at=clock.now())
    try:
        return refunding.try_to_give(row, charge, accounts.ready(charge.account)).state != "pending"
    except DriverRejected as error:
        logger.error(  # noqa: TRY400 - its code says it all
            "cardconnect.refund_refused", extra={"reference": row.reference, "code": error.detail}
        )
        ledger.mark(row, TransactionState.DECLINED)
        return True
    except (DriverUnavailable, OutcomeUnknown) as error:
        logger.warning(
            "cardconnect.refund_waits", extra={"reference": row.reference, "code": error.code}
        )
        return False
