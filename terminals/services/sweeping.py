"""What a lost message leaves behind: found again by the state of the rows."""

from datetime import datetime, timedelta

from billing.enums import AttemptKind, AttemptState
from billing.models import PaymentAttempt
from terminals import jobs
from terminals.services import processing

# A worker takes a sale at once; what is older than this was not queued, or waits in a long queue.
# Asked for twice it is run once.
_QUEUE_AGAIN_AFTER = timedelta(seconds=10)


def queue_waiting(*, now: datetime, limit: int = 50) -> int:
    """Queue again what waits for a worker to start its reader; say how many."""
    waiting = PaymentAttempt.objects.filter(
        kind=AttemptKind.TERMINAL,
        state=AttemptState.CREATED,
        created_at__lt=now - _QUEUE_AGAIN_AFTER,
        obligation__terminal_payment__holds_reader=True,
    ).order_by("created_at")
    found = [
        pk
        for pk, provider in waiting.values_list("pk", "provider")[:limit]
        if processing.is_blocking(provider)
    ]
    for pk in found:
        jobs.queue_sale(pk)
    return len(found)
