"""A batch of events, grouped by the object they are about, and what the provider says of it now."""

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from billing.drivers import registry
from billing.models import InboxEvent
from billing.services import projection, retries
from billing.types import (
    Cause,
    CheckoutSnapshot,
    Fact,
    NormalizedEvent,
    Subject,
    SubscriptionSnapshot,
)

_FETCHERS = 8
_CHECKOUT = "checkout_session"

logger = logging.getLogger(__name__)

Snapshot = SubscriptionSnapshot | CheckoutSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """One event that is ours to handle, in our words."""

    row: InboxEvent
    event: NormalizedEvent


@dataclasses.dataclass(slots=True)
class Group:
    """The events of one batch that are about the same object."""

    provider: str
    subject: Subject | None
    members: list[Claimed] = dataclasses.field(default_factory=list)
    fetched_at: datetime | None = None
    snapshot: Snapshot | None = None
    error: Exception | None = None

    @property
    def cause(self) -> Cause:
        """Name the newest event: the one that a person looks for."""
        newest = max(self.members, key=lambda member: member.event.occurred_at)
        return Cause("webhook", id=newest.event.external_id, detail=newest.event.provider_type)

    @property
    def rows(self) -> list[InboxEvent]:
        """The stored events."""
        return [member.row for member in self.members]

    @property
    def facts(self) -> list[Fact]:
        """What happened once and shows in no snapshot."""
        return [member.event.fact for member in self.members if member.event.fact]

    @property
    def mirrored(self) -> list[Subject]:
        """What the mirror should copy."""
        return [subject for member in self.members for subject in member.event.mirror]


def group_events(batch: Iterable[InboxEvent]) -> list[Group]:
    """Group events by object; one that cannot be read is sent back by itself."""
    groups: dict[tuple[str, str, str], Group] = {}
    for row in batch:
        try:
            event = registry.get_driver(row.provider).normalize_webhook(row.payload)
        except Exception as error:  # a payload we can't read is a bug or a new shape: keep it
            logger.exception("inbox.unreadable", extra={"event": row.pk})
            retries.fail(rows=[row], error=error)
            continue
        subject = event.subject
        # Facts without a subject stand alone: one unknown payer must not hold up another.
        key = (
            (row.provider, subject.kind, subject.external_id)
            if subject
            else (row.provider, "", str(row.pk))
        )
        group = groups.setdefault(key, Group(row.provider, subject))
        group.members.append(Claimed(row, event))
    return list(groups.values())


def fetch_all(groups: Sequence[Group]) -> None:
    """Fetch every object once, several at a time, with no transaction open."""
    wanted = [group for group in groups if group.subject is not None]
    # One time for all, taken before the first fetch and after the claim: a snapshot that another
    # process fetched meanwhile, and that makes ours count as old, knows of our events too.
    fetched_at = projection.database_now() if wanted else None
    for group in wanted:
        group.fetched_at = fetched_at
    if len(wanted) == 1:
        _fetch(wanted[0])
    elif wanted:
        with ThreadPoolExecutor(min(_FETCHERS, len(wanted))) as pool:
            list(pool.map(_fetch, wanted))


def _fetch(group: Group) -> None:
    """Ask the provider; an error is kept for the group it belongs to. Touches no database."""
    if group.subject is None:
        return
    driver = registry.get_driver(group.provider)
    try:
        if group.subject.kind == _CHECKOUT:
            group.snapshot = driver.retrieve_checkout_session(group.subject.external_id)
        else:
            group.snapshot = driver.retrieve_subscription(group.subject.external_id)
    except Exception as error:  # noqa: BLE001 - raised again where the group is handled
        group.error = error
