"""Publishing plans, and telling providers about their prices.

A published version never changes: subscriptions pin the one they were sold. What a release brings
is published as a new version, once; whatever staff published since stays in force.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from billing.drivers import registry
from billing.enums import FeatureKind, Provider, UsageType
from billing.models import ExternalPrice, Plan, PlanFeature, PlanVersion, Price
from billing.selectors import plans
from billing.services.price_map import Entry
from billing.services.tiers import FeatureSeed, PriceSeed, Tier
from billing.types import PriceSpec


class CatalogueError(Exception):
    """The catalogue can't be brought into the wanted shape; the message says which part."""


class AlreadyPublished(CatalogueError):
    """This version is published already."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seeded:
    """What became of one tier: `version` carries its content, `in_force` is what is sold."""

    code: str
    version: int
    was_published: bool
    in_force: int


@dataclasses.dataclass(frozen=True, slots=True)
class Linked:
    """What became of one entry of the price map. `problem` is empty unless it was left alone."""

    key: str
    external_id: str
    changed: bool
    problem: str = ""


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
        if row.usage_type == UsageType.LICENSED
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


# --- Names at providers -----------------------------------------------------------------------


def apply_price_map(*, entries: Iterable[Entry], provider: Provider) -> list[Linked]:
    """Write down what the provider calls our prices, as the configuration has it.

    Raises:
        CatalogueError: an entry names no price on sale, or another plan's.
    """
    with transaction.atomic():
        return [_apply_entry(entry, provider) for entry in entries]


def _apply_entry(entry: Entry, provider: Provider) -> Linked:
    price = _price_named(entry)
    holder = (
        ExternalPrice.objects.filter(provider=provider, external_id=entry.external_id)
        .exclude(price=price)
        .select_related("price__plan_version__plan")
        .first()
    )
    if holder is not None:
        return _held(entry, price, holder.price)
    link, was_new = ExternalPrice.objects.get_or_create(
        price=price, provider=provider, defaults={"external_id": entry.external_id}
    )
    changed = link.external_id != entry.external_id
    if changed:
        link.external_id = entry.external_id
        link.external_product_id = ""
        link.save(update_fields=["external_id", "external_product_id", "updated_at"])
    return Linked(entry.key, entry.external_id, was_new or changed)


def _price_named(entry: Entry) -> Price:
    found = plans.find_prices(
        code=entry.plan, interval=entry.interval, currency=entry.currency or None
    )
    if not found and not Plan.objects.filter(code=entry.plan).exists():
        known = ", ".join(Plan.objects.values_list("code", flat=True))
        raise CatalogueError(f"{entry.key}: there is no plan {entry.plan!r} (plans: {known}).")
    if not found:
        raise CatalogueError(f"{entry.key}: {entry.plan} is not on sale at this interval.")
    if len(found) > 1:
        names = " or ".join(f"{entry.key}:{price.currency}" for price in found)
        raise CatalogueError(f"{entry.key}: sold in several currencies, write {names}.")
    return found[0]


def _held(entry: Entry, price: Price, holder: Price) -> Linked:
    """Leave a name with the older version that was sold under it: its subscriptions carry it."""
    is_older_version = (
        holder.plan_version.plan_id == price.plan_version.plan_id
        and holder.plan_version_id != price.plan_version_id
    )
    if not is_older_version:
        raise CatalogueError(f"{entry.key}: {entry.external_id} already belongs to {holder}.")
    problem = (
        f"{entry.external_id} belongs to version {holder.plan_version.version}; version "
        f"{price.plan_version.version} needs a price of its own (a new id, or push_catalogue)."
    )
    return Linked(entry.key, entry.external_id, changed=False, problem=problem)


def push_prices(*, provider: Provider) -> Iterator[ExternalPrice]:
    """Give every paid price on sale a counterpart at the provider; yield the new ones.

    Each is found or created by its lookup key and written down by itself, so that a run that
    breaks off is simply started again. No transaction is open during the calls.

    Raises:
        DriverError: the provider refused, or can't be reached.
        CatalogueError: the provider's price already stands for another of ours.
    """
    driver = registry.get_driver(provider)
    for price in list(plans.prices_to_link(provider)):
        reference = driver.ensure_price(_spec(price))
        values = {
            "external_id": reference.external_id,
            "external_product_id": reference.external_product_id,
        }
        try:
            with transaction.atomic():
                link, _ = ExternalPrice.objects.get_or_create(
                    price=price, provider=provider, defaults=values
                )
        except IntegrityError:
            raise CatalogueError(f"{price}: {reference.external_id} stands for another.") from None
        yield link


def _spec(price: Price) -> PriceSpec:
    plan, version = price.plan_version.plan, price.plan_version.version
    return PriceSpec(
        plan_code=plan.code,
        plan_name=plan.name,
        version=version,
        interval=price.interval,
        currency=price.currency,
        amount_minor=price.amount_minor,
        lookup_key=f"till_{plan.code}_v{version}_{price.interval}_{price.currency.lower()}",
    )
