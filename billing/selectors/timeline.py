"""Reads of an organization's timeline."""

from billing.models import BillingEvent
from orgs.models import Organization


def latest_events(organization: Organization, *, limit: int = 10) -> list[BillingEvent]:
    """Return the newest lines of the timeline, newest first."""
    return list(BillingEvent.objects.for_org(organization).order_by("-sequence")[:limit])
