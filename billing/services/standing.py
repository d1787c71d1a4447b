"""Carrying the state of subscriptions over to the organization: its plan, and what it may do.

An organization's access changes here alone, and every change is a line of its timeline with the
cause of what set it off: a webhook, a request, or the sweep that ends grace.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from billing.enums import AccessLevel
from billing.models import PlanVersion, Subscription
from billing.selectors import access, subscriptions
from billing.selectors.access import Access
from billing.services import timeline
from billing.types import Cause
from orgs.models import Organization, PlanStatus

ACCESS_CHANGED = "billing.access.changed"

_SUMMARIES = {
    AccessLevel.FULL: "Access is given: {}",
    AccessLevel.NONE: "Access has ended: {}",
}


def plan_status_of(level: AccessLevel, *, was_active: bool) -> PlanStatus:
    """Say where an organization stands, given its access and its past."""
    without = PlanStatus.CANCELED if was_active else PlanStatus.PENDING_PAYMENT
    return access.PLAN_STATUS.get(level, without)


def refresh_organization(
    organization: Organization,
    *,
    cause: Cause,
    now: datetime,
    pending: timeline.Pending | None = None,
) -> None:
    """Do what `refresh_organizations` does for one."""
    refresh_organizations([organization], cause=cause, now=now, pending=pending)


def refresh_organizations(
    organizations: Sequence[Organization],
    *,
    cause: Cause | Mapping[UUID, Cause],
    now: datetime,
    pending: timeline.Pending | None = None,
    known: Iterable[PlanVersion] = (),
) -> None:
    """Bring plan and access of locked organizations in line with their subscriptions.

    Args:
        organizations: rows the caller has locked.
        cause: what set it off, for all or by organization.
        now: business time; grace ends by it.
        pending: lines of this transaction that are yet to be written: they come before the lines
            about access, and everything is written together.
        known: versions of plans, with their plans, that need not be read again.
    """
    entries = list(pending.entries) if pending else []
    histories = subscriptions.histories_of(organizations, known) if organizations else {}
    saving: dict[Organization, list[str]] = {}
    for organization in organizations:
        why = cause if isinstance(cause, Cause) else cause[organization.pk]
        entry, changed = _refresh(organization, histories.get(organization.pk, []), why, now)
        if entry:
            entries.append(entry)
        if changed:
            saving[organization] = changed
    timeline.record_events(entries=entries, saving=saving)


def _refresh(
    organization: Organization, history: Sequence[Subscription], cause: Cause, now: datetime
) -> tuple[timeline.Entry | None, list[str]]:
    """Set the fields of one organization; return the line about it and the fields that changed."""
    current = history[0] if history else None
    in_force = current if subscriptions.is_in_force(current) else None
    now_given = access.access_of(current, now)
    was_active = any(row.activated_at for row in history)
    values: dict[str, object] = {
        "plan_status": plan_status_of(now_given.level, was_active=was_active),
        "plan_id": in_force.plan_version.plan_id if in_force else None,
    }
    entry = None
    if not access.is_recorded(now_given, organization):
        entry = timeline.Entry(organization, _line(organization, now_given, now), cause)
        values["access_since"] = entry.line.occurred_at
        values["access_event_id"] = entry.id
    values["access_level"] = now_given.level.value
    values["access_reason"] = now_given.reason_code
    changed = [name for name, value in values.items() if getattr(organization, name) != value]
    for name in changed:
        setattr(organization, name, values[name])
    return entry, changed


def _line(organization: Organization, given: Access, now: datetime) -> timeline.Line:
    return timeline.Line(
        type=ACCESS_CHANGED,
        summary=_SUMMARIES.get(given.level, "{}").format(given.message),
        object_type="organization",
        object_id=str(organization.pk),
        # The end of grace, when the sweep came a little later: then it was, not now.
        occurred_at=given.since or now,
        data={
            "from": organization.access_level,
            "to": given.level.value,
            "reason_code": given.reason_code,
        },
    )
