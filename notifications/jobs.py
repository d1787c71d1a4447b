"""Names of background jobs, and how to ask for one.

Asking may fail without harm: the sweep finds whatever is due, so a broker that is down costs a
mail minutes, never the mail, and never the transaction that queued it.
"""

import functools
import logging
from uuid import UUID

import celery
import redis
from django.db import transaction
from kombu.exceptions import OperationalError

DELIVER_MESSAGE = "notifications.deliver_message"
SWEEP_MESSAGES = "notifications.sweep_messages"

logger = logging.getLogger(__name__)


def queue_delivery(message_id: UUID) -> None:
    """Have a message delivered once the current transaction is committed."""
    transaction.on_commit(functools.partial(send_delivery, message_id), robust=True)


def send_delivery(message_id: UUID) -> bool:
    """Have a message delivered now; say whether the broker took the job."""
    try:
        celery.current_app.send_task(
            DELIVER_MESSAGE, kwargs={"message_id": str(message_id)}, retry=False
        )
    except (OperationalError, redis.RedisError, OSError):
        logger.warning("job.not_queued", extra={"job": DELIVER_MESSAGE})
        return False
    return True
