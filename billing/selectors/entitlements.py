"""What an organization may use, and how much of it: its plan's features and its access.

Counting is registered by whoever stores what is counted, as `handlers` are:

    entitlements.register_counter("projects", lambda organization, since: …)
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db.models import Q

from billing.enums import FeatureKind
from billing.errors import SubscriptionInactive, UsageLimit
from billing.models import PlanFeature, Subscription
from billing.selectors import access, plans, subscriptions
from billing.selectors.access import Access
from billing.selectors.plans import UNLIMITED, FeatureValue
from orgs.models import Membership, Organization

NOT_IN_PLAN = "not_in_plan"
COUNTED = (FeatureKind.LIMIT, FeatureKind.METERED)
_KEY = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")

# Counts what an organization uses: of a metered feature since the period began, else altogether.
Counter = Callable[[Organization, datetime | None], int]
_counters: dict[str, Counter] = {}


def register_counter(feature: str, counter: Counter) -> None:
    """Have `counter` say how much of a feature an organization uses; the last one counts."""
    _counters[feature] = counter


def unregister_counter(feature: str) -> None:
    """Take a counter back."""
    _counters.pop(feature, None)


@dataclasses.dataclass(frozen=True, slots=True)
class Entitlement:
    """One feature, as an organization may use it now.

    `limit` -1 is unlimited, as in the catalogue, and so is `remaining`; both are None for what is
    not counted in numbers. `used` is None where nobody counts. `reason_code` and `message` say why
    something is not enabled.
    """

    feature: str
    kind: str
    enabled: bool
    value: FeatureValue
    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    reason_code: str | None = None
    message: str | None = None


def entitlements_of(organization: Organization, *, now: datetime) -> list[Entitlement]:
    """Return every feature there is: those of the plan in force, then the others on sale."""
    holding = _holding(organization, now)
    return [_entitlement(holding, row) for row in _features(holding, Q())]


def get_entitlement(
    organization: Organization, feature: str, *, now: datetime
) -> Entitlement | None:
    """Return one feature, None when no plan has heard of it."""
    if not _KEY.match(feature):
        return None
    holding = _holding(organization, now)
    rows = _features(holding, Q(key=feature))
    return _entitlement(holding, rows[0]) if rows else None


def require_access(organization: Organization, *, now: datetime) -> None:
    """Let pass who has access, in full or still in grace.

    Raises:
        SubscriptionInactive: restricted or none; the message says why and what to do.
    """
    given = _holding(organization, now).access
    if not given.is_given:
        raise SubscriptionInactive(given.message, fields={"reason_code": [given.reason_code]})


def require_entitlement(
    organization: Organization, feature: str, *, now: datetime, quantity: int = 1
) -> Entitlement:
    """Let pass who may use (so much more of) a feature.

    To count exactly while others do the same, call it in the transaction that stores what is
    counted, the organization's row locked (`select_for_update(no_key=True)`).

    Raises:
        SubscriptionInactive: no access, or the plan does not include it.
        UsageLimit: the plan's limit would be exceeded.
        LookupError: there is no such feature: the caller misspelt it.
    """
    found = get_entitlement(organization, feature, now=now)
    if found is None:
        raise LookupError(f"no plan has a feature {feature!r}")
    if not found.enabled:
        reason = {"reason_code": [found.reason_code or NOT_IN_PLAN], "feature": [feature]}
        raise SubscriptionInactive(found.message, fields=reason)
    is_bounded = found.remaining is not None and found.remaining != UNLIMITED
    if is_bounded and quantity > (found.remaining or 0):
        raise UsageLimit(_exceeded(found), fields={"feature": [feature]})
    return found


def count_use(organization: Organization, feature: str, since: datetime | None) -> int | None:
    """Return how much of a feature is used; None when nobody counts it."""
    counter = _counters.get(feature)
    return counter(organization, since) if counter else None


def in_words(feature: str) -> str:
    """Return a feature's name for a sentence."""
    return feature.replace("_", " ").replace("-", " ")


@dataclasses.dataclass(frozen=True, slots=True)
class _Holding:
    organization: Organization
    access: Access
    in_force: Subscription | None


def _holding(organization: Organization, now: datetime) -> _Holding:
    row = subscriptions.current(organization)
    in_force = row if subscriptions.is_in_force(row) else None
    return _Holding(organization, access.current(organization, row, now), in_force)


def _features(holding: _Holding, which: Q) -> list[PlanFeature]:
    """Return one row for each feature: the plan's own, else that of a plan on sale."""
    mine = holding.in_force.plan_version_id if holding.in_force else None
    known = Q(plan_version__in=plans.current_versions()) | Q(plan_version=mine)
    rows = PlanFeature.objects.filter(known, which).order_by(
        "plan_version__plan__rank", "plan_version__plan__code", "rank", "key"
    )
    return list(_first_by_key(sorted(rows, key=lambda row: row.plan_version_id != mine)))


def _first_by_key(rows: Iterable[PlanFeature]) -> Iterable[PlanFeature]:
    found: dict[str, PlanFeature] = {}
    for row in rows:
        found.setdefault(row.key, row)
    return found.values()


def _entitlement(holding: _Holding, row: PlanFeature) -> Entitlement:
    plan = holding.in_force
    is_mine = plan is not None and row.plan_version_id == plan.plan_version_id
    is_included = is_mine and _gives(row)
    refusal = _refusal(holding, row, is_included=is_included)
    limit, used, resets_at = None, None, None
    if row.kind in COUNTED:
        limit = _limit(row) if is_mine else 0
        is_metered = row.kind == FeatureKind.METERED
        used = count_use(
            holding.organization,
            row.key,
            plan.current_period_start if plan and is_metered else None,
        )
        resets_at = plan.current_period_end if plan and is_metered else None
    return Entitlement(
        feature=row.key,
        kind=row.kind,
        enabled=refusal is None,
        value=row.value if is_mine else _NOTHING[FeatureKind(row.kind)],
        limit=limit,
        used=used,
        remaining=_remaining(limit, used),
        resets_at=resets_at,
        reason_code=refusal[0] if refusal else None,
        message=refusal[1] if refusal else None,
    )


_NOTHING: dict[FeatureKind, FeatureValue] = {
    FeatureKind.BOOL: False,
    FeatureKind.LIMIT: 0,
    FeatureKind.METERED: 0,
    FeatureKind.TEXT: "",
}


def _gives(row: PlanFeature) -> bool:
    """Say whether a plan's feature lets anything be used: a switch that is on, a limit above 0."""
    if row.kind == FeatureKind.BOOL:
        return row.enabled
    if row.kind == FeatureKind.TEXT:
        return bool(row.text)
    return row.unlimited or bool(row.limit)


def _refusal(holding: _Holding, row: PlanFeature, *, is_included: bool) -> tuple[str, str] | None:
    if not holding.access.is_given:
        return holding.access.reason_code, holding.access.message
    if is_included:
        return None
    plan = holding.in_force.plan_version.plan.name if holding.in_force else "Your plan"
    sentence = f"{plan} does not include {in_words(row.key)}. Choose a plan that does."
    return NOT_IN_PLAN, sentence


def _limit(row: PlanFeature) -> int:
    return UNLIMITED if row.unlimited else row.limit or 0


def _remaining(limit: int | None, used: int | None) -> int | None:
    if limit == UNLIMITED:
        return UNLIMITED
    return None if limit is None or used is None else max(0, limit - used)


def _exceeded(found: Entitlement) -> str:
    what, limit, used = in_words(found.feature), f"{found.limit:,}", f"{found.used:,}"
    if found.kind != FeatureKind.METERED:
        return (
            f"Your plan's limit for {what} is {limit}; in use: {used}. "
            "Choose a larger plan to go on."
        )
    again = f" There will be more on {found.resets_at:%-d %B %Y}." if found.resets_at else ""
    return (
        f"Your plan's limit for {what} in a period is {limit}; used: {used}.{again} "
        "Choose a larger plan to go on."
    )


def _active_members(organization: Organization, _since: datetime | None) -> int:
    members = Membership.objects.for_org(organization)
    return members.filter(user__is_active=True).count()


register_counter("users", _active_members)
