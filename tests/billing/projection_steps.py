"""One convergence and what it recorded, for the tests of the projection."""

from datetime import timedelta
from typing import Any

from billing.models import BillingEvent
from billing.services import projection
from billing.types import Cause, SubscriptionSnapshot
from orgs.models import Organization
from tests.billing.builders import (
    NOW,
    moment,
)

CAUSE = Cause("webhook", id="evt_1", detail="customer.subscription.updated")


T0 = moment()


def converge(snapshot: SubscriptionSnapshot, at: int = 0, **more: Any) -> projection.Converged:
    fetched_at = T0 + timedelta(seconds=at)
    details: dict[str, Any] = {"cause": CAUSE, "now": NOW, **more}
    return projection.converge(snapshot=snapshot, fetched_at=fetched_at, **details)


def types(organization: Organization) -> list[str]:
    events = BillingEvent.objects.filter(organization=organization).order_by("sequence")
    return list(events.values_list("type", flat=True))
