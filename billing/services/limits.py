"""Whether what an organization uses fits into another plan."""

from collections.abc import Collection

from billing.enums import FeatureKind
from billing.models import PlanFeature, PlanVersion, Subscription
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

    Only what becomes less counts: whoever is over a limit already may go to a larger plan, or keep
    the one it has. What is metered starts anew with the next period, so it does not speak against
    a change `at_period_end`. Seats are compared with the members only where they become fewer:
    nobody has to buy one for each member otherwise.

    Raises:
        DoesNotFit: `fields` names every limit that is exceeded, and by what.
    """
    current = subscriptions.in_force(organization)
    kinds = [FeatureKind.LIMIT] if at_period_end else list(entitlements.COUNTED)
    problems = {}
    for row in _reduced(current, plan_version, kinds):
        is_metered = row.kind == FeatureKind.METERED
        since = current.current_period_start if current and is_metered else None
        used = entitlements.count_use(organization, row.key, since)
        if used is not None and used > (row.limit or 0):
            problems[row.key] = [f"In use: {used:,}; the plan allows {row.limit or 0:,}."]
    if current is not None and seats < current.seats:
        members = entitlements.count_use(organization, "users", None) or 0
        if members > seats:
            problems["seats"] = [f"{members} people are members: remove some, or keep their seats."]
    if problems:
        raise DoesNotFit(fields=problems)


def _reduced(
    current: Subscription | None, wanted: PlanVersion, kinds: Collection[FeatureKind]
) -> list[PlanFeature]:
    """Return the wanted version's limits that are below those in force (without any: all)."""
    mine = current.plan_version_id if current else None
    rows = PlanFeature.objects.filter(plan_version__in=[mine, wanted.pk], kind__in=kinds)
    known: dict[str, PlanFeature] = {}
    new: list[PlanFeature] = []
    for row in rows.order_by("rank", "key"):
        if row.plan_version_id == wanted.pk:
            new.append(row)
        if row.plan_version_id == mine:
            known[row.key] = row
    return [row for row in new if not row.unlimited and _is_less(row, known.get(row.key))]


def _is_less(new: PlanFeature, old: PlanFeature | None) -> bool:
    return old is None or old.unlimited or (new.limit or 0) < (old.limit or 0)
