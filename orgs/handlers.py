"""Upward calls without upward imports: other apps register for what happens in this one.

An invitation needs a mail. Mail is the matter of `notifications`, which stands above and may not
be imported from here; so it registers in its `AppConfig.ready` (ADR 0002, the second door). A
task's name would not do: the job's arguments would carry the token through the broker.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orgs.models import Invitation


@dataclass(frozen=True, slots=True)
class InvitationSent:
    """An invitation that was made or renewed.

    `token` is what the mail has to hold; only its hash is stored, so this is the one chance.
    """

    invitation: "Invitation"
    now: datetime
    token: str = field(repr=False)


Handler = Callable[[InvitationSent], None]
_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Have `handler` called for every invitation, inside the transaction that writes it.

    A handler must not call a network; it queues a job for that.
    """
    if handler not in _handlers:
        _handlers.append(handler)


def unregister(handler: Handler) -> None:
    """Take a handler back."""
    _handlers.remove(handler)


def run(event: InvitationSent) -> None:
    """Call whoever registered."""
    for handler in _handlers:
        handler(event)
