"""Carrying the state of subscriptions over to the organization: one word, and its plan."""

from collections.abc import Sequence

from billing.enums import SubscriptionStatus
from billing.models import Subscription
from billing.selectors import subscriptions
from orgs.models import Organization, PlanStatus

_BY_STATUS = {
    SubscriptionStatus.TRIALING: PlanStatus.ACTIVE,
    SubscriptionStatus.ACTIVE: PlanStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE: PlanStatus.PAST_DUE,
    SubscriptionStatus.UNPAID: PlanStatus.SUSPENDED,
    SubscriptionStatus.PAUSED: PlanStatus.SUSPENDED,
}


def plan_status_of(subscription: Subscription | None, *, was_active: bool) -> PlanStatus:
    """Say where an organization stands, given its current subscription and its past."""
    if subscription is not None:
        status = _BY_STATUS.get(SubscriptionStatus(subscription.status))
        if status is not None:
            return status
    return PlanStatus.CANCELED if was_active else PlanStatus.PENDING_PAYMENT


def refresh_organization(organization: Organization) -> None:
    """Bring `plan_status` and `plan_id` of a locked organization in line with its subscriptions."""
    refresh_organizations([organization])


def refresh_organizations(organizations: Sequence[Organization]) -> None:
    """Bring `plan_status` and `plan_id` of locked organizations in line, reading once for all."""
    in_force = subscriptions.in_force_in(organizations)
    for organization in organizations:
        current = in_force.get(organization.pk)
        was_active = current is None and subscriptions.was_ever_active(organization)
        status = plan_status_of(current, was_active=was_active)
        plan_id = current.plan_version.plan_id if current else None
        if (organization.plan_status, organization.plan_id) != (status, plan_id):
            organization.plan_status = status
            organization.plan_id = plan_id
            organization.save(update_fields=["plan_status", "plan_id", "updated_at"])
