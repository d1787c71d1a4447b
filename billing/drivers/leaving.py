"""Until when a write may leave this machine: later it may have been taken for absent.

A try is committed as sent before its driver is called. If the process then stands still (a paused
machine, a full disk), whoever asks meanwhile is told that there is nothing, and something else may
be tried. So the last line before the socket looks at the clock again.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime

from billing.drivers.base import DriverUnavailable
from orgs import clock

_until: ContextVar[datetime | None] = ContextVar("leave_by", default=None)


@contextlib.contextmanager
def by(moment: datetime) -> Iterator[None]:
    """Let writes inside this block leave until then, and not after it."""
    token = _until.set(moment)
    try:
        yield
    finally:
        _until.reset(token)


def until() -> datetime | None:
    """Return until when a write may leave; None: at any time."""
    return _until.get()


def is_too_late() -> bool:
    """Say whether a write must not leave any more."""
    moment = until()
    return moment is not None and clock.now() > moment


def refuse_if_late() -> None:
    """Go on only while a write may still leave.

    Raises:
        DriverUnavailable: it must not: provably not sent.
    """
    if is_too_late():
        raise DriverUnavailable("API_ERROR", detail="too_late")
