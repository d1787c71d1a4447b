"""What is being changed right now: comparing that would only find what is on its way.

A change shows at the provider, as an event on its way to us, as one that waits in the inbox, and
in our rows, each a moment after the other. Only what has been quiet in all of them is compared.
"""

import dataclasses
import functools
import logging
import time
from collections.abc import Iterator
from datetime import datetime

from billing.selectors import reconciliation
from billing.services.reconcile_session import Session
from billing.types import NormalizedEvent
from billing.types.differences import Look

_FRESH_S = 60.0
# More events than this within minutes: whatever is not among the newest thousand counts as quiet.
_PAGES = 10
_WAITING = 1000

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a look at one object came to, and how lively the object is.

    `changed_at` is when our row (or the provider's event) last changed; `is_moving` says that
    something of ours about it is under way.
    """

    look: Look
    changed_at: datetime | None = None
    is_moving: bool = False


class Stir:
    """Which of the provider's objects are being changed, asked for once a minute at most."""

    def __init__(self, session: Session) -> None:
        """Ask nobody before somebody wants to know."""
        self._session = session
        self._ids: set[str] = set()
        self._asked: float | None = None

    def is_quiet(self, seen: Seen) -> bool:
        """Say whether an object has stayed as it is for a while, here and there."""
        if seen.is_moving:
            return False
        if seen.changed_at is not None and seen.changed_at > self._session.quiet_since:
            return False
        return seen.look.external_id not in self._busy()

    def _busy(self) -> set[str]:
        if self._asked is None or time.monotonic() - self._asked > _FRESH_S:
            self._ids = {*self._at_provider(), *self._in_inbox()}
            self._asked = time.monotonic()
        return self._ids

    def _at_provider(self) -> Iterator[str]:
        session, after = self._session, ""
        since, until = session.quiet_since, session.now + (session.now - session.quiet_since)
        for _ in range(_PAGES):
            page = session.ask(
                functools.partial(session.driver.list_events, created_since=since, after=after)
            )
            for event in page.rows:
                if event.occurred_at <= until:  # a simulated clock may be far ahead
                    yield from _objects(event)
            after = page.next_after
            if not after:
                return

    def _in_inbox(self) -> Iterator[str]:
        provider, driver = self._session.provider, self._session.driver
        for row in reconciliation.waiting_events(provider, _WAITING):
            if not driver.capabilities.signed_webhooks:
                # To read what nobody signed, the provider may have to be asked: its words will do.
                yield from (value for value in row.payload.values() if isinstance(value, str))
                continue
            try:
                event = driver.normalize_webhook(row.payload)
            except Exception as error:  # noqa: BLE001 - the inbox says so itself
                logger.info("reconcile.unreadable", extra={"kind": type(error).__name__})
                continue
            yield from _objects(event)


def _objects(event: NormalizedEvent) -> Iterator[str]:
    yield from event.invoices
    if event.subject is not None:
        yield event.subject.external_id
