"""When an event is tried again, and when it is left to a person."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now

from billing import jobs
from billing.drivers.base import DriverError
from billing.enums import InboxState
from billing.models import InboxEvent

# 5 s, 15 s, 45 s, … at most an hour apart: ten tries reach over about five hours. After that the
# event is kept as dead: visible in the back office, and replayed from there.
MAX_ATTEMPTS = 10
_FIRST_PAUSE_S = 5
_LONGEST_PAUSE_S = 3600
_SHOWN = 500


def pause_s(attempts: int) -> int:
    """Return the pause after the n-th try, in seconds."""
    # The exponent is bounded too: the pause has long reached its limit by then.
    return min(_LONGEST_PAUSE_S, int(_FIRST_PAUSE_S * 3 ** min(10, max(0, attempts - 1))))


def describe(error: Exception) -> str:
    """Say what went wrong without quoting a payload: the kind, and a driver's stable code."""
    if isinstance(error, DriverError | LookupError):
        return f"{type(error).__name__}: {error}"[:_SHOWN]
    return type(error).__name__


def fail(*, rows: Sequence[InboxEvent], error: Exception) -> None:
    """Send events back with a pause, or to the dead; only those whose claim is still ours."""
    words = describe(error)
    for row in rows:
        state = InboxState.DEAD if row.attempts >= MAX_ATTEMPTS else InboxState.FAILED
        InboxEvent.objects.filter(
            pk=row.pk, state=InboxState.PROCESSING, claimed_at=row.claimed_at
        ).update(
            state=state,
            claimed_at=None,
            error=words,
            next_attempt_at=Now() + timedelta(seconds=pause_s(row.attempts)),
        )


def reclaim_events(*, lease_s: int) -> int:
    """Free events whose worker died while it held them; say how many.

    Handling is idempotent, and a worker that was only slow finds its claim gone. An event that
    ends its worker every time is dead after as many tries as any other.
    """
    lost = InboxEvent.objects.filter(
        state=InboxState.PROCESSING, claimed_at__lt=Now() - timedelta(seconds=lease_s)
    )
    dead = lost.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=InboxState.DEAD, claimed_at=None, error="its worker died every time"
    )
    freed = lost.update(state=InboxState.FAILED, claimed_at=None, next_attempt_at=Now())
    if freed:
        jobs.wake_inbox()
    return dead + freed
