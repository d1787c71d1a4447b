"""The trace id of what runs right now: in the answer, its header, and every log line."""

import contextvars
import re
import uuid

_ACCEPTED = re.compile(r"[A-Za-z0-9-]{8,64}")
_current: contextvars.ContextVar[str] = contextvars.ContextVar("trace_id", default="")


def new_trace_id(offered: str = "") -> str:
    """Return the caller's own id when it is harmless, else a new one."""
    if _ACCEPTED.fullmatch(offered):
        return offered
    return uuid.uuid4().hex


def set_trace_id(trace_id: str) -> str:
    """Make this the trace id from here on; return the one before, to be set again later."""
    before = _current.get()
    _current.set(trace_id)
    return before


def get_trace_id() -> str:
    """Return the trace id; empty outside of a request or job."""
    return _current.get()
