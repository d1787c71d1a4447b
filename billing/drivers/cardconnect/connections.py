"""This process's connections to the gateway's hosts: one request, never a second one by itself."""

import atexit
import json
import logging
import os
import threading
from datetime import datetime
from typing import Any, Literal

import httpx

from billing.drivers.cardconnect import hosts
from billing.drivers.cardconnect.outcome import Answer
from billing.drivers.pools import BEFORE_SENDING, CONNECTIONS, open_pool
from orgs import clock

# Readers keep connections for minutes: they must not keep the gateway's.
Purpose = Literal["gateway", "readers"]

CONNECT_TIMEOUT_S = 10.0
_SHORTEST_S = 0.1
# As many readers as a worker may ever have threads for: each keeps one connection while it waits.
_CONNECTIONS: dict[Purpose, int] = {"gateway": CONNECTIONS, "readers": 1000}
_LARGEST_ANSWER = 8 * 1024 * 1024
# They log addresses, and ours name profiles.
_TALKATIVE = ("httpx", "httpcore")

_lock = threading.Lock()
_pools: dict[tuple[int, Purpose, bool], httpx.Client] = {}


class NotSent(Exception):
    """There was no connection, or it was too late: the request provably never arrived."""


def exchange(
    purpose: Purpose,
    method: str,
    url: str,
    *,
    read_timeout_s: float,
    leave_by: datetime | None = None,
    **request: Any,
) -> Answer:
    """Send one request; a lost answer is one without a status.

    Raises:
        NotSent: no connection could be made, or `leave_by` has passed.
    """
    pool = _pool(purpose, is_loopback=hosts.is_loopback(url))
    # What may leave until then may not wait longer than that for its connection either.
    left = (leave_by - clock.now()).total_seconds() / 2 if leave_by else CONNECT_TIMEOUT_S
    connect_s = min(CONNECT_TIMEOUT_S, max(_SHORTEST_S, left))
    timeout = httpx.Timeout(read_timeout_s, connect=connect_s, pool=connect_s)
    # Nothing may come between this and the request: a process can stand still at any line.
    if leave_by is not None and clock.now() > leave_by:
        raise NotSent("too_late")
    try:
        answer = pool.request(method, url, timeout=timeout, **request)
    except BEFORE_SENDING as error:
        raise NotSent(type(error).__name__) from None
    except httpx.HTTPError:
        return Answer(None)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, headers, _read(answer))


def _read(answer: httpx.Response) -> Any:
    """Return the JSON of an answer, its text where it is none, nothing where it is too large."""
    if len(answer.content) > _LARGEST_ANSWER:
        return None
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return answer.text.strip()


def _pool(purpose: Purpose, *, is_loopback: bool) -> httpx.Client:
    """Return this process's connections: a fork must not share its parent's."""
    key = (os.getpid(), purpose, is_loopback)
    pool = _pools.get(key)
    if pool is None:
        with _lock:
            pool = _pools.get(key) or _open(purpose, is_loopback=is_loopback)
            _pools[key] = pool
    return pool


def _open(purpose: Purpose, *, is_loopback: bool) -> httpx.Client:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    pool = open_pool(
        connect_timeout_s=CONNECT_TIMEOUT_S,
        read_timeout_s=CONNECT_TIMEOUT_S,  # every request says its own
        is_loopback=is_loopback,
        connections=_CONNECTIONS[purpose],
    )
    atexit.register(_close, pool, os.getpid())
    return pool


def _close(pool: httpx.Client, process: int) -> None:
    if process == os.getpid():  # a fork must leave its parent's connections alone
        pool.close()
