"""Who sends a refund, and until when: one process, soon after it said so."""

import logging
from datetime import datetime

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.engine.rails import LEAVE_WITHIN
from orgs import clock

logger = logging.getLogger(__name__)


def claim(row: GatewayTransaction) -> datetime:
    """Mark a refund as sent, committed before anything is; return until when it may leave.

    Raises:
        OutcomeUnknown: somebody else did; only one may.
    """
    now = clock.now()
    queued = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.QUEUED)
    if not queued.update(state=TransactionState.SENT, asked_at=now):
        raise OutcomeUnknown("API_ERROR", detail="refund_undecided")
    return now + LEAVE_WITHIN


def wait(row: GatewayTransaction) -> None:
    """Let a refund that was provably not sent wait again, unless it was given up meanwhile."""
    sent = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.SENT)
    sent.update(state=TransactionState.QUEUED, asked_at=clock.now())


def be_undecided(row: GatewayTransaction) -> None:
    """Have a refund asked about again that was taken for absent while its answer was awaited."""
    absent = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.ABSENT)
    if absent.update(state=TransactionState.SENT, asked_at=clock.now()):
        logger.warning("cardconnect.refund_not_absent", extra={"reference": row.reference})
