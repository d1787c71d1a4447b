"""Whether what an organization uses fits into another plan."""

from billing.enums import FeatureKind
from billing.models import PlanFeature, PlanVersion
from billing.selectors import entitlements, subscriptions
from orgs.errors import Conflict
from orgs.models import Organization


class DoesNotFit(Conflict):
    """You use more than this plan allows. Reduce it first, or choose a larger plan."""


def check_fits(
    *,
    organization: Organization,
    plan_version: PlanVersion,
    seats: int,
    at_period_end: bool = False,
) -> None:
    """Refuse a change to less than is in use now.

    What is metered starts anew with the next period, so it does not speak against a change
    `at_period_end`. Seats are compared with the members only where they become fewer: nobody has
    to buy one for each member otherwise.

    Raises:
        DoesNotFit: `fields` names every limit that is exceeded, and by what.
    """
    current = subscriptions.in_force(organization)
    since = current.current_period_start if current else None
    kinds = [FeatureKind.LIMIT] if at_period_end else list(entitlements.COUNTED)
    rows = PlanFeature.objects.filter(plan_version=plan_version, kind__in=kinds, unlimited=False)
    problems = {}
    for row in rows.order_by("rank", "key"):
        is_metered = row.kind == FeatureKind.METERED
        used = entitlements.count_use(organization, row.key, since if is_metered else None)
        if used is not None and used > (row.limit or 0):
            problems[row.key] = [f"In use: {used:,}; the plan allows {row.limit or 0:,}."]
    if current is not None and seats < current.seats:
        members = entitlements.count_use(organization, "users", None) or 0
        if members > seats:
            problems["seats"] = [f"{members} people are members: remove some, or keep their seats."]
    if problems:
        raise DoesNotFit(fields=problems)
