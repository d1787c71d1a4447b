"""Reads of subscriptions; each starts at the organization."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from billing.enums import FINAL_STATUSES, LIVE_STATUSES, SubscriptionStatus
from billing.models import Subscription
from orgs.models import Organization

_LIVE = Q(status__in=LIVE_STATUSES, is_free=False)
_FREE = Q(status=SubscriptionStatus.ACTIVE, is_free=True)


def _own(organization: Organization) -> QuerySet[Subscription]:
    return (
        Subscription.objects.for_org(organization)
        .of_payer()
        .select_related("plan_version__plan", "price", "customer")
    )


def current(organization: Organization) -> Subscription | None:
    """Return the subscription that counts: live, else free, else incomplete, else the last ended.

    One that ended without ever giving access (a declined card) is not shown.
    """
    rank = Case(
        When(_LIVE, then=Value(0)),
        When(_FREE, then=Value(1)),
        When(status=SubscriptionStatus.INCOMPLETE, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return (
        _own(organization)
        .exclude(status__in=FINAL_STATUSES, activated_at=None)
        .order_by(rank, "-created_at")
        .first()
    )


def in_force(organization: Organization) -> Subscription | None:
    """Return the subscription that decides about access: live, else the free plan's."""
    return _own(organization).filter(_LIVE | _FREE).order_by("is_free").first()


def in_force_in(organizations: Iterable[Organization]) -> dict[UUID, Subscription]:
    """Return what `in_force` does for several organizations; those without one are left out."""
    rows = (
        Subscription.objects.filter(organization__in=organizations)
        .of_payer()
        .filter(_LIVE | _FREE)
        .select_related("plan_version")
        .order_by("-is_free")
    )
    return {row.organization_id: row for row in rows}


def live(organization: Organization) -> Subscription | None:
    """Return the live subscription."""
    return _own(organization).filter(_LIVE).first()


def incomplete(organization: Organization) -> list[Subscription]:
    """Return the starts that were not finished, newest first."""
    return list(_own(organization).filter(status=SubscriptionStatus.INCOMPLETE))


def by_request_key(organization: Organization, key: str) -> Subscription | None:
    """Return what an Idempotency-Key started."""
    return _own(organization).filter(request_key=key).first()


def was_ever_active(organization: Organization) -> bool:
    """Say whether the organization ever had access through a subscription."""
    return _own(organization).exclude(activated_at=None).exists()
