"""Who sends a refund, and until when: one process, soon after it said so."""

import logging
from datetime import datetime

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.engine.rails import LEAVE_WITHIN
from orgs import clock

_UNSENT = (TransactionState.BEGUN, TransactionState.QUEUED)

logger = logging.getLogger(__name__)


def claim(row: GatewayTransaction) -> datetime:
    """Mark a refund as sent, committed before anything is; return until when it may leave.

    Raises:
        OutcomeUnknown: somebody else did, or gave it up; only one may.
    """
    now = clock.now()
    mine = GatewayTransaction.objects.filter(pk=row.pk, state=row.state)
    if row.state not in _UNSENT or not mine.update(state=TransactionState.SENT, asked_at=now):
        raise OutcomeUnknown("API_ERROR", detail="refund_undecided")
    return now + LEAVE_WITHIN


def wait(row: GatewayTransaction) -> None:
    """Let a refund that was provably not sent be what it was, unless it was given up meanwhile."""
    sent = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.SENT)
    sent.update(state=row.state, asked_at=clock.now())


def leave_waiting(row: GatewayTransaction) -> None:
    """Leave a refund to the sweep: from here on it counts as given, some day.

    Raises:
        OutcomeUnknown: it was given up meanwhile.
    """
    mine = GatewayTransaction.objects.filter(pk=row.pk, state=row.state)
    if not mine.update(state=TransactionState.QUEUED, asked_at=clock.now()):
        raise OutcomeUnknown("API_ERROR", detail="refund_undecided")
    row.state = TransactionState.QUEUED


def give_up(row: GatewayTransaction) -> bool:
    """End a refund that was only begun, and will not be sent by whoever began it; say whether."""
    begun = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.BEGUN)
    return bool(begun.update(state=TransactionState.ABSENT, asked_at=clock.now()))


def be_undecided(row: GatewayTransaction) -> None:
    """Have a refund asked about again that was taken for absent while its answer was awaited."""
    absent = GatewayTransaction.objects.filter(pk=row.pk, state=TransactionState.ABSENT)
    if absent.update(state=TransactionState.SENT, asked_at=clock.now()):
        logger.warning("cardconnect.refund_not_absent", extra={"reference": row.reference})
