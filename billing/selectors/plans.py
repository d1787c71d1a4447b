"""Reads of the catalogue: what is on sale, and what it gives."""

import dataclasses
from collections.abc import Iterable
from uuid import UUID

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from billing.enums import FeatureKind, Interval, Provider, UsageType
from billing.errors import ContactSales
from billing.models import ExternalPrice, Plan, PlanFeature, PlanVersion, Price
from orgs.errors import InvalidRequest

FeatureValue = bool | int | str | None
DEFAULT_CURRENCY = "USD"
UNLIMITED = -1


class UnknownPlan(InvalidRequest):
    """There is no such plan."""


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is sold today: its version in force and the active prices, monthly first."""

    plan: Plan
    version: PlanVersion
    prices: list[Price]
    features: dict[str, FeatureValue]
    scopes: list[str]


def list_plans() -> list[Offer]:
    """Return what is on sale, in the order of the pages."""
    versions = current_versions().prefetch_related(
        Prefetch("prices", Price.objects.filter(is_active=True).order_by("interval", "currency")),
        Prefetch("features", PlanFeature.objects.order_by("rank", "key")),
    )
    return [
        Offer(
            plan=version.plan,
            version=version,
            prices=list(version.prices.all()),
            features=features_of(version),
            scopes=scopes_of(version),
        )
        for version in versions.order_by("plan__rank", "plan__code")
    ]


def current_versions() -> QuerySet[PlanVersion]:
    """Return the version in force of every active plan: the one published last."""
    newest = (
        PlanVersion.objects.filter(plan=OuterRef("plan"), published_at__isnull=False)
        .order_by("-published_at", "-version")
        .values("pk")[:1]
    )
    return PlanVersion.objects.filter(plan__is_active=True, pk=Subquery(newest)).select_related(
        "plan"
    )


def current_version(plan: Plan) -> PlanVersion | None:
    """Return a plan's version in force, None when it has none (or is no longer sold)."""
    return current_versions().filter(plan=plan).first()


def get_plan(identifier: object) -> Plan:
    """Find a plan that is on sale by its slug, its code (the same word) or its id.

    Raises:
        UnknownPlan: there is none.
    """
    wanted = str(identifier).strip()
    versions = current_versions()
    try:
        found = versions.filter(plan_id=UUID(wanted)).first()
    except ValueError:
        found = versions.filter(plan__code=wanted.lower()).first() if _is_text(wanted) else None
    if found is None:
        raise UnknownPlan(fields={"plan": ["There is no such plan."]})
    return found.plan


def _is_text(value: str) -> bool:
    """Say whether the database can look for it (PostgreSQL's text has no NUL)."""
    return bool(value) and "\x00" not in value


def get_price(plan: Plan, interval: str | None = None, currency: str | None = None) -> Price:
    """Return the active price of a plan's version in force, `plan_version.plan` loaded.

    Without an interval the shortest one counts, without a currency US dollars (or, where a plan
    has none in dollars, the first of the alphabet).

    Raises:
        ContactSales: the plan is priced individually.
        UnknownPlan: it is not on sale.
        InvalidRequest: not at this interval, or not in this currency.
    """
    if plan.contact_sales:
        raise ContactSales
    version = current_version(plan)
    if version is None:
        raise UnknownPlan(fields={"plan": ["There is no such plan."]})
    prices = list(
        Price.objects.filter(plan_version=version, is_active=True, usage_type=UsageType.LICENSED)
        .select_related("plan_version__plan")
        .order_by("interval", "currency")
    )
    prices = _with_interval(prices, interval)
    if currency:
        prices = [price for price in prices if price.currency == currency.upper()]
        if not prices:
            raise InvalidRequest(fields={"currency": ["Not sold in this currency."]})
    return min(prices, key=lambda price: (price.currency != DEFAULT_CURRENCY, price.currency))


def _with_interval(prices: list[Price], interval: str | None) -> list[Price]:
    """Keep one interval's prices; `Interval` lists the shortest first."""
    for known in Interval.values:
        if interval in (None, "", known):
            kept = [price for price in prices if price.interval == known]
            if kept:
                return kept
    raise InvalidRequest(fields={"interval": ["This plan is not sold at this interval."]})


def features_of(version: PlanVersion) -> dict[str, FeatureValue]:
    """Return what a version gives, by key; -1 means unlimited."""
    return {feature.key: feature.value for feature in _features(version)}


def scopes_of(version: PlanVersion) -> list[str]:
    """Return the capabilities a version switches on: `feature:<key>`, in order.

    A switch that is on, or a limit above zero (or none), is a capability; a text is not.
    """
    return [f"feature:{feature.key}" for feature in _features(version) if _is_given(feature)]


def _features(version: PlanVersion) -> Iterable[PlanFeature]:
    return sorted(version.features.all(), key=lambda feature: (feature.rank, feature.key))


def _is_given(feature: PlanFeature) -> bool:
    if feature.kind == FeatureKind.BOOL:
        return feature.enabled
    if feature.kind == FeatureKind.TEXT:
        return False
    return feature.unlimited or bool(feature.limit)


def prices_to_link(provider: Provider | str) -> QuerySet[Price]:
    """Return the paid prices on sale that the provider has no name for yet."""
    linked = ExternalPrice.objects.filter(provider=provider).values("price_id")
    return (
        Price.objects.filter(plan_version__in=current_versions(), is_active=True)
        .exclude(amount_minor=0, usage_type=UsageType.LICENSED)
        .exclude(pk__in=linked)
        .select_related("plan_version__plan")
        .order_by("plan_version__plan__rank", "plan_version__plan__code", "interval", "currency")
    )


def find_prices(*, code: str, interval: str, currency: str | None = None) -> list[Price]:
    """Return the active prices on sale under a plan's code and an interval, one a currency."""
    prices = Price.objects.filter(
        plan_version__in=current_versions(),
        plan_version__plan__code=code,
        interval=interval,
        is_active=True,
        usage_type=UsageType.LICENSED,
    ).select_related("plan_version__plan")
    if currency:
        prices = prices.filter(currency=currency.upper())
    return list(prices.order_by("currency"))
