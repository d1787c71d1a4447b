"""Names of background jobs, and how to ask for one.

Asking may fail without harm: the sweep finds whatever is due, so a broker that is down costs a
mail minutes, never the mail, and never the transaction that queued it.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

import celery
import redis
from django.db import transaction
from kombu.exceptions import OperationalError

DELIVER_MESSAGES = "notifications.deliver_messages"
SWEEP_MESSAGES = "notifications.sweep_messages"
# Few enough that a slow mail server does not hold up what another worker could send.
MESSAGES_PER_JOB = 10

logger = logging.getLogger(__name__)


class _Deliveries:
    """What one transaction queued: sent together once it is committed."""

    def __init__(self, message_id: UUID) -> None:
        self.message_ids = [message_id]

    def __call__(self) -> None:
        """Have the messages delivered, some at a time."""
        for start in range(0, len(self.message_ids), MESSAGES_PER_JOB):
            send_deliveries(self.message_ids[start : start + MESSAGES_PER_JOB])


def queue_delivery(message_id: UUID) -> None:
    """Have a message delivered once the current transaction is committed."""
    queued = _queued_last()
    if queued is not None:
        queued.message_ids.append(message_id)
    else:
        transaction.on_commit(_Deliveries(message_id), robust=True)


def _queued_last() -> _Deliveries | None:
    """Return what the same (sub)transaction queued a moment ago: it is dropped with it, too."""
    connection = transaction.get_connection()
    if not connection.in_atomic_block or not connection.run_on_commit:
        return None
    savepoints, function, _ = connection.run_on_commit[-1]
    if isinstance(function, _Deliveries) and savepoints == set(connection.savepoint_ids):
        return function
    return None


def send_deliveries(message_ids: Sequence[UUID]) -> bool:
    """Have messages delivered now; say whether the broker took the job."""
    try:
        celery.current_app.send_task(
            DELIVER_MESSAGES,
            kwargs={"message_ids": [str(message_id) for message_id in message_ids]},
            retry=False,
        )
    except (OperationalError, redis.RedisError, OSError):
        logger.warning("job.not_queued", extra={"job": DELIVER_MESSAGES})
        return False
    return True
