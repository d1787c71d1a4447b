"""Upward calls without upward imports: other apps register for what happens in billing."""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billing.models import BillingEvent

Handler = Callable[["BillingEvent"], None]
_handlers: dict[str, list[Handler]] = defaultdict(list)


def register(event_type: str, handler: Handler) -> None:
    """Have `handler` called for every event of a type, inside the transaction that writes it.

    A handler must not call a network; it queues a job for that.
    """
    if handler not in _handlers[event_type]:
        _handlers[event_type].append(handler)


def unregister(event_type: str, handler: Handler) -> None:
    """Take a handler back."""
    _handlers[event_type].remove(handler)


def run(event: "BillingEvent") -> None:
    """Call whoever registered for this event's type."""
    for handler in _handlers[event.type]:
        handler(event)
