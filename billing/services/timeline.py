"""Writing an organization's timeline: one gap-free sequence, every line with its cause."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from billing import handlers
from billing.models import BillingEvent
from billing.types import Cause
from orgs.models import Organization


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What happened. `type` is `billing.<object>.<verb>`; `summary` a sentence for the tenant.

    `data` holds ids and codes, never a payload.
    """

    type: str
    summary: str
    object_type: str
    object_id: str
    occurred_at: datetime
    provider: str = ""
    provider_type: str = ""
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line that is yet to be written, with its cause and the id it will have."""

    organization: Organization
    line: Line
    cause: Cause
    id: UUID = dataclasses.field(default_factory=uuid4)


class Recorder(Protocol):
    """Takes a line: `record_event` at once, `Pending.record_event` for the transaction's end."""

    def __call__(self, *, organization: Organization, line: Line, cause: Cause) -> object:
        """Take one line."""


class Pending:
    """Lines of one transaction, kept back so that they are written together at its end.

    Whoever collects hands them to `standing.refresh_organizations` (or to `record_events`) before
    the commit.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.entries: list[Entry] = []

    def record_event(self, *, organization: Organization, line: Line, cause: Cause) -> None:
        """Keep one line for later."""
        self.entries.append(Entry(organization, line, cause))


def record_event(*, organization: Organization, line: Line, cause: Cause) -> BillingEvent:
    """Add one line to the timeline of an organization the caller has locked.

    The lock is what makes the sequence gap-free: numbers are given out and committed in order.
    """
    return record_events(entries=[Entry(organization, line, cause)])[0]


def record_events(
    *,
    entries: Sequence[Entry],
    saving: Mapping[Organization, Iterable[str]] | None = None,
) -> list[BillingEvent]:
    """Add lines to the timelines of organizations the caller has locked.

    One UPDATE an organization and one INSERT for all. `saving` names other fields of organizations
    that the caller has changed: the same UPDATE writes them.
    """
    organizations = {row.pk: row for row in saving or ()}
    changed = {row.pk: set(names) for row, names in (saving or {}).items()}
    events = []
    for entry in entries:
        organization = organizations.setdefault(entry.organization.pk, entry.organization)
        organization.event_sequence += 1
        changed.setdefault(organization.pk, set()).add("event_sequence")
        events.append(_event(entry, organization))
    for pk, names in changed.items():
        organizations[pk].save(update_fields=sorted(names | {"updated_at"}))
    if events:
        BillingEvent.objects.bulk_create(events)
    for event in events:
        handlers.run(event)
    return events


def _event(entry: Entry, organization: Organization) -> BillingEvent:
    line = entry.line
    return BillingEvent(
        id=entry.id,
        organization=organization,
        sequence=organization.event_sequence,
        cause=entry.cause.as_json(),
        type=line.type,
        summary=line.summary,
        object_type=line.object_type,
        object_id=line.object_id,
        occurred_at=line.occurred_at,
        provider=line.provider,
        provider_type=line.provider_type,
        data=dict(line.data),
    )
