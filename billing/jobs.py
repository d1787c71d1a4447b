"""Names of background jobs, and how to ask for one.

Nothing here may fail a caller: every job has a sweep that does the same work a little later, so a
broker that is down costs time, never an event or a payment.
"""

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Callable
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
CLOSE_SIBLINGS = "billing.close_siblings"
START_AGREEMENTS = "billing.start_agreements"
DELIVER_INVOICES = "billing.deliver_invoices"
END_GRACE = "billing.end_grace"
RUN_RENEWALS = "billing.run_renewals"
REMIND_OF_RENEWALS = "billing.remind_of_renewals"
DROP_OLD_QUOTES = "billing.drop_old_quotes"
RECONCILE_RECENT = "billing.reconcile_recent"
RECONCILE_ALL = "billing.reconcile_all"

WAKE_INBOX_KEY = "till:wake:inbox"
WAKE_MIRROR_KEY = "till:wake:mirror"
_WAKE_TIMEOUT_SECONDS = 0.05
_WAKE_LEASE_MS = 2000
_QUIET_SECONDS = 1.0
_BURST_SECONDS = 0.01

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


def _wake(key: str, job: str) -> bool:
    """Ask for one run of `job` unless one is already waiting; False when Redis did not answer."""
    if time.monotonic() < _quiet.until:
        return False
    try:
        is_first = _redis(settings.REDIS_URL).set(key, "1", nx=True, px=_WAKE_LEASE_MS)
    except (redis.RedisError, OSError):
        _quiet.until = time.monotonic() + _QUIET_SECONDS
        logger.warning("job.not_queued", extra={"job": job})
        return False
    if is_first:
        _send(job)
    return True


def wake_inbox() -> bool:
    """Have the inbox drained soon; takes 50 ms at most, and says False when Redis is down."""
    return _wake(WAKE_INBOX_KEY, DRAIN_INBOX)


class _Burst:
    """One thread of this process that asks once for all who ask within a few milliseconds."""

    def __init__(self, ask_once: Callable[[], bool]) -> None:
        """Call `ask_once` until it says True, for as many callers as come meanwhile."""
        self._ask_once = ask_once
        self._guard = threading.Lock()
        self._process = 0
        self._asked = threading.Event()

    def ask(self) -> None:
        """Have it asked after this moment; costs the caller nothing."""
        if self._process != os.getpid():
            self._start()
        if not self._asked.is_set():
            self._asked.set()

    def _start(self) -> None:
        with self._guard:
            if self._process == os.getpid():
                return
            self._asked = threading.Event()  # a forked child must not share its parent's
            threading.Thread(target=self._run, name="wake-inbox", daemon=True).start()
            self._process = os.getpid()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()  # before asking: whoever comes later has it asked again
            try:
                was_heard = self._ask_once()
            except Exception:  # without this thread, only the sweep would drain
                logger.exception("job.not_queued", extra={"job": DRAIN_INBOX})
                was_heard = False
            if not was_heard:
                self._asked.set()  # nobody waits for this thread: it may ask until it is heard
            time.sleep(_BURST_SECONDS if was_heard else _QUIET_SECONDS)


_burst = _Burst(wake_inbox)


def wake_inbox_after_burst() -> None:
    """Have the inbox drained soon, asking once for a burst of events; never waits for Redis."""
    _burst.ask()


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


def queue_after_commit(name: str, **kwargs: Any) -> None:
    """Have another app's job run once this transaction is committed."""
    transaction.on_commit(functools.partial(_send, name, **kwargs), robust=True)
