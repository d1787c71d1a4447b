"""Reads of an organization's timeline."""

from collections.abc import Iterator

from billing.enums import AccessLevel
from billing.models import BillingEvent
from orgs.base import TenantQuerySet
from orgs.models import Organization

_LONGEST_HISTORY = 10


def latest_events(organization: Organization, *, limit: int = 10) -> list[BillingEvent]:
    """Return the newest lines of the timeline, newest first."""
    return list(BillingEvent.objects.for_org(organization).order_by("-sequence")[:limit])


def events_about(
    organization: Organization, *, object_type: str, object_id: object
) -> TenantQuerySet[BillingEvent]:
    """Return the lines of the timeline that are about one object, in no order."""
    events = BillingEvent.objects.for_org(organization)
    return events.filter(object_type=object_type, object_id=str(object_id))


def access_history(organization: Organization) -> list[BillingEvent]:
    """Return how access came to be what it is, newest first.

    That is the changes of access back to the last one that began with full access or none, each
    followed by the lines that the same cause led to before it (a failed payment, say).
    """
    return list(_access_history(BillingEvent.objects.for_org(organization)))


def _access_history(events: TenantQuerySet[BillingEvent]) -> Iterator[BillingEvent]:
    changes = events.filter(type="billing.access.changed").order_by("-sequence")
    for change in changes[:_LONGEST_HISTORY]:
        yield change
        if change.cause.get("id"):
            same = events.filter(cause__id=change.cause["id"], sequence__lt=change.sequence)
            yield from same.exclude(type=change.type).order_by("-sequence")[:_LONGEST_HISTORY]
        if change.data.get("from") in (AccessLevel.FULL, AccessLevel.NONE):
            return
