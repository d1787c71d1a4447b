"""Reads of subscriptions; each starts at the organization."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from billing.enums import FINAL_STATUSES, LIVE_STATUSES, SubscriptionStatus
from billing.models import PlanVersion, Subscription
from orgs.base import rows_where
from orgs.models import Organization

_LIVE = Q(status__in=LIVE_STATUSES, is_free=False)
_FREE = Q(status=SubscriptionStatus.ACTIVE, is_free=True)

_OF_PAYERS = """
organization_id = ANY(%s) AND customer_id IN (
    SELECT id FROM billing_customer
    WHERE organization_id = billing_subscription.organization_id AND reference IS NULL
)
"""


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
    return _best_first(_own(organization)).first()


def _best_first(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    rank = Case(
        When(_LIVE, then=Value(0)),
        When(_FREE, then=Value(1)),
        When(status=SubscriptionStatus.INCOMPLETE, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return rows.exclude(status__in=FINAL_STATUSES, activated_at=None).order_by(rank, "-created_at")


def in_force(organization: Organization) -> Subscription | None:
    """Return the subscription that decides about access: live, else the free plan's."""
    return _own(organization).filter(_LIVE | _FREE).order_by("is_free").first()


def is_in_force(subscription: Subscription | None) -> bool:
    """Say whether what the plan gives is given: a live subscription, or the free plan's."""
    if subscription is None:
        return False
    is_free_plan = subscription.is_free and subscription.status == SubscriptionStatus.ACTIVE
    return subscription.is_live or is_free_plan


def histories_of(
    organizations: Iterable[Organization], known: Iterable[PlanVersion] = ()
) -> dict[UUID, list[Subscription]]:
    """Return what several organizations have had: first what `current` returns.

    Ranked here: with the rank in it, the query takes longer to write than to answer. Versions of
    plans that the caller has read already are not read again.
    """
    found: dict[UUID, list[Subscription]] = {}
    rows = rows_where(Subscription, _OF_PAYERS, [row.pk for row in organizations])
    for row in sorted(rows, key=_rank):
        if row.activated_at is not None or row.status not in FINAL_STATUSES:
            found.setdefault(row.organization_id, []).append(row)
    first = [history[0] for history in found.values()]
    versions = {version.pk: version for version in known}
    if others := {row.plan_version_id for row in first} - versions.keys():
        versions |= PlanVersion.objects.select_related("plan").in_bulk(others)
    for row in first:
        row.plan_version = versions[row.plan_version_id]
    return found


def _rank(row: Subscription) -> tuple[int, float]:
    """Return what sorts as `_best_first` does."""
    if row.is_live:
        rank = 0
    elif row.is_free and row.status == SubscriptionStatus.ACTIVE:
        rank = 1
    else:
        rank = 2 if row.status == SubscriptionStatus.INCOMPLETE else 3
    return rank, -row.created_at.timestamp()


def live(organization: Organization) -> Subscription | None:
    """Return the live subscription."""
    return _own(organization).filter(_LIVE).first()


def incomplete(organization: Organization) -> list[Subscription]:
    """Return the starts that were not finished, newest first."""
    return list(_own(organization).filter(status=SubscriptionStatus.INCOMPLETE))


def by_request_key(organization: Organization, key: str) -> Subscription | None:
    """Return what an Idempotency-Key started."""
    return _own(organization).filter(request_key=key).first()
