"""Upward calls without upward imports: other apps register for what happens in billing."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from billing.types import Cause, SubjectNews

if TYPE_CHECKING:
    from billing.models import BillingEvent
    from orgs.models import Organization

Handler = Callable[["BillingEvent"], None]
Refunded = Callable[["MoneyBack"], None]
_handlers: dict[str, list[Handler]] = defaultdict(list)


@dataclasses.dataclass(frozen=True, slots=True)
class MoneyBack:
    """Refunds of a payment were written. `organization` is locked: lines are to be told by it."""

    organization: "Organization"
    provider: str
    external_payment_id: str
    cause: Cause
    now: datetime


class SubjectHandler(Protocol):
    """What an app does about a kind of object that it keeps itself. A module will do.

    Both may raise a `DriverError` or a `LookupError`: the events are then tried again.
    """

    def ask(self, news: SubjectNews) -> Any:
        """Ask the provider how the object is now; what is returned is handed to `apply`.

        With no transaction open, and perhaps in a thread of its own. Rows may be read.
        """
        ...

    def apply(
        self, news: SubjectNews, answer: Any, *, fetched_at: datetime, cause: Cause, now: datetime
    ) -> UUID | None:
        """Write down what was answered; return the organization's id, None for nobody's of ours.

        Inside the transaction that marks the events done: no network. `fetched_at` is the
        database's time before `ask`.
        """
        ...


_subjects: dict[str, SubjectHandler] = {}
_refunded: list[Refunded] = []


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


def register_subject(kind: str, handler: SubjectHandler) -> None:
    """Leave the providers' events about subjects of a kind (`Subject.kind`) to `handler`."""
    _subjects[kind] = handler


def unregister_subject(kind: str) -> None:
    """Take a subject's handler back."""
    _subjects.pop(kind, None)


def of_subject(kind: str) -> SubjectHandler | None:
    """Return who looks after subjects of this kind, if anybody registered for it."""
    return _subjects.get(kind)


def register_refunded(handler: Refunded) -> None:
    """Have `handler` called whenever refunds of a payment were written, in that transaction."""
    if handler not in _refunded:
        _refunded.append(handler)


def run_refunded(money_back: MoneyBack) -> None:
    """Call whoever registered for refunds."""
    for handler in _refunded:
        handler(money_back)
