"""Publishing plans.

A published version never changes: subscriptions pin the one they were sold. What a release brings
is published as a new version, once; whatever staff published since stays in force.
"""

import dataclasses
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from billing.enums import FeatureKind, UsageType
from billing.models import Plan, PlanFeature, PlanVersion, Price
from billing.selectors import plans
from billing.services.tiers import FeatureSeed, PriceSeed, Tier


class AlreadyPublished(Exception):
    """This version is published already."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seeded:
    """What became of one tier: `version` carries its content, `in_force` is what is sold."""

    code: str
    version: int
    was_published: bool
    in_force: int


# --- Seeding ----------------------------------------------------------------------------------


def seed_tier(*, tier: Tier, rank: int, now: datetime, restore: bool = False) -> Seeded:
    """Publish what a release says about a plan, unless it was published before.

    Content that was once published and then replaced by staff stays replaced, so that a deployment
    never undoes a decision; `restore` publishes it again.
    """
    with transaction.atomic():
        plan, _ = Plan.objects.get_or_create(
            code=tier.code,
            defaults={
                "name": tier.name,
                "description": tier.description,
                "contact_sales": tier.contact_sales,
                "grace_days": tier.grace_days,
                "rank": rank,
            },
        )
        plan = Plan.objects.select_for_update().get(pk=plan.pk)
        newest = _published(plan)
        wanted = newest[:1] if restore else newest
        known = next((row for row in wanted if _content_of(row) == _content(tier)), None)
        if known is not None:
            return Seeded(tier.code, known.version, False, newest[0].version)  # noqa: FBT003 - named field
        version = _create_draft(plan)
        _fill(version, tier)
        publish_version(version=version, now=now)
    return Seeded(tier.code, version.version, True, version.version)  # noqa: FBT003 - named field


def _published(plan: Plan) -> list[PlanVersion]:
    """Return a plan's published versions, the one in force first."""
    return list(
        plan.versions.exclude(published_at=None)
        .prefetch_related("prices", "features")
        .order_by("-published_at", "-version")
    )


_Content = tuple[frozenset[PriceSeed], frozenset[FeatureSeed]]


def _content(tier: Tier) -> _Content:
    return frozenset(tier.prices), frozenset(tier.features)


def _content_of(version: PlanVersion) -> _Content:
    prices = frozenset(
        PriceSeed(row.interval, row.amount_minor, row.currency, row.trial_days)  # type: ignore[arg-type] # the enum's value
        for row in version.prices.all()
        if row.usage_type == UsageType.LICENSED and row.organization_id is None
    )
    features = frozenset(
        FeatureSeed(row.key, row.kind, row.value)  # type: ignore[arg-type] # the enum's value
        for row in version.features.all()
    )
    return prices, features


def _create_draft(plan: Plan) -> PlanVersion:
    last = plan.versions.aggregate(last=Max("version"))["last"] or 0
    return PlanVersion.objects.create(plan=plan, version=last + 1)


def _fill(version: PlanVersion, tier: Tier) -> None:
    Price.objects.bulk_create(
        Price(
            plan_version=version,
            interval=seed.interval,
            currency=seed.currency,
            amount_minor=seed.amount_minor,
            trial_days=seed.trial_days,
        )
        for seed in tier.prices
    )
    PlanFeature.objects.bulk_create(
        _feature_row(version, seed, rank) for rank, seed in enumerate(tier.features)
    )


def _feature_row(version: PlanVersion, seed: FeatureSeed, rank: int) -> PlanFeature:
    row = PlanFeature(plan_version=version, key=seed.key, kind=seed.kind, rank=rank)
    if seed.kind is FeatureKind.BOOL:
        row.enabled = bool(seed.value)
    elif seed.kind is FeatureKind.TEXT:
        row.text = str(seed.value)
    else:
        row.unlimited = seed.value == plans.UNLIMITED
        row.limit = None if row.unlimited else int(seed.value)
    return row


# --- Versions ---------------------------------------------------------------------------------


def start_version(*, plan: Plan) -> PlanVersion:
    """Return the plan's draft; a new one starts as a copy of the version in force."""
    with transaction.atomic():
        plan = Plan.objects.select_for_update().get(pk=plan.pk)
        draft = plan.versions.filter(published_at=None).first()
        if draft is None:
            draft = _create_draft(plan)
            for source in _published(plan)[:1]:
                _copy(source, draft)
    return draft


def _copy(source: PlanVersion, draft: PlanVersion) -> None:
    for price in source.prices.filter(is_active=True):
        _insert_again(price, draft)
    for feature in source.features.all():
        _insert_again(feature, draft)


def _insert_again(row: Price | PlanFeature, draft: PlanVersion) -> None:
    row.pk = row._meta.pk.get_default()  # noqa: SLF001 - Django's documented model API
    row._state.adding = True  # noqa: SLF001 - as in Django's "copying model instances"
    row.plan_version = draft
    row.save(force_insert=True)


def publish_version(*, version: PlanVersion, now: datetime) -> None:
    """Put a draft in force; from here on it can't be changed.

    Raises:
        AlreadyPublished: it was.
    """
    claimed = PlanVersion.objects.filter(pk=version.pk, published_at=None)
    if not claimed.update(published_at=now, updated_at=now):
        raise AlreadyPublished(f"{version} is published already.")
    version.published_at = now
