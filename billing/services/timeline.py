"""Writing an organization's timeline: one gap-free sequence, every line with its cause."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

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


def record_event(*, organization: Organization, line: Line, cause: Cause) -> BillingEvent:
    """Add one line to the timeline of an organization the caller has locked.

    The lock is what makes the sequence gap-free: numbers are given out and committed in order.
    """
    organization.event_sequence += 1
    organization.save(update_fields=["event_sequence", "updated_at"])
    event = BillingEvent.objects.create(
        organization=organization,
        sequence=organization.event_sequence,
        cause=cause.as_json(),
        **{**dataclasses.asdict(line), "data": dict(line.data)},
    )
    handlers.run(event)
    return event
