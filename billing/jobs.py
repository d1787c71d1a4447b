"""Names of background jobs, and how to ask for one.

Nothing here may fail a caller: every job has a sweep that does the same work a little later, so a
broker that is down costs time, never an event or a payment.
"""

import contextlib
import functools
import logging
import threading
import time
from typing import Any

import celery
import redis
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

DRAIN_INBOX = "billing.drain_inbox"
RECLAIM_INBOX = "billing.reclaim_inbox"
DRAIN_MIRROR = "billing.drain_mirror"
RESOLVE_ATTEMPTS = "billing.resolve_attempts"
RESOLVE_ATTEMPT = "billing.resolve_attempt"
EXPIRE_CHECKOUTS = "billing.expire_checkouts"

WAKE_INBOX_KEY = "till:wake:inbox"
WAKE_MIRROR_KEY = "till:wake:mirror"
_WAKE_TIMEOUT_SECONDS = 0.05
_WAKE_LEASE_MS = 2000
_QUIET_SECONDS = 1.0

logger = logging.getLogger(__name__)


class _Quiet(threading.local):
    """Until when this thread leaves a broken Redis alone."""

    until = 0.0


_quiet = _Quiet()


@functools.lru_cache(maxsize=4)
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=_WAKE_TIMEOUT_SECONDS,
        socket_connect_timeout=_WAKE_TIMEOUT_SECONDS,
        retry=None,
    )


def _send(name: str, **kwargs: Any) -> None:
    try:
        celery.current_app.send_task(name, kwargs=kwargs, retry=False)
    except (OperationalError, redis.RedisError, OSError):
        logger.warning("job.not_queued", extra={"job": name})


def _wake(key: str, job: str) -> None:
    """Ask for one run of `job` unless one is already waiting."""
    if time.monotonic() < _quiet.until:
        return
    try:
        is_first = _redis(settings.REDIS_URL).set(key, "1", nx=True, px=_WAKE_LEASE_MS)
    except (redis.RedisError, OSError):
        _quiet.until = time.monotonic() + _QUIET_SECONDS
        logger.warning("job.not_queued", extra={"job": job})
        return
    if is_first:
        _send(job)


def wake_inbox() -> None:
    """Have the inbox drained soon; takes 50 ms at most when Redis is down."""
    _wake(WAKE_INBOX_KEY, DRAIN_INBOX)


def wake_mirror() -> None:
    """Have the mirror drained soon."""
    _wake(WAKE_MIRROR_KEY, DRAIN_MIRROR)


def inbox_awake() -> None:
    """Let the next event wake the inbox again; called before a drain looks for work."""
    with contextlib.suppress(redis.RedisError, OSError):
        _redis(settings.REDIS_URL).delete(WAKE_INBOX_KEY)


def mirror_awake() -> None:
    """Let the next event wake the mirror again; called before a drain looks for work."""
    with contextlib.suppress(redis.RedisError, OSError):
        _redis(settings.REDIS_URL).delete(WAKE_MIRROR_KEY)


def queue_attempt_resolution(*, attempt_id: str, delay_s: float) -> None:
    """Have one payment attempt asked about, `delay_s` seconds after the commit."""

    def send() -> None:
        try:
            celery.current_app.send_task(
                RESOLVE_ATTEMPT,
                kwargs={"attempt_id": attempt_id},
                countdown=delay_s,
                retry=False,
            )
        except (OperationalError, redis.RedisError, OSError):
            logger.warning("job.not_queued", extra={"job": RESOLVE_ATTEMPT})

    transaction.on_commit(send)
