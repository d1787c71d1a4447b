"""The four tiers Till is delivered with, as plain data (prices in US cents)."""

import dataclasses

from billing.enums import FeatureKind, Interval
from billing.models.plans import DEFAULT_GRACE_DAYS

_MONTHS_PAID_PER_YEAR = 10  # a year costs ten months


@dataclasses.dataclass(frozen=True, slots=True)
class FeatureSeed:
    """One thing a plan gives; -1 as a limit means unlimited."""

    key: str
    kind: FeatureKind
    value: bool | int | str


@dataclasses.dataclass(frozen=True, slots=True)
class PriceSeed:
    """What one seat costs per interval, in minor units."""

    interval: Interval
    amount_minor: int
    currency: str = "USD"
    trial_days: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Tier:
    """A plan as this release knows it; `grace_days` is policy, staff may change it."""

    code: str
    name: str
    description: str
    prices: tuple[PriceSeed, ...]
    features: tuple[FeatureSeed, ...]
    contact_sales: bool = False
    grace_days: int = DEFAULT_GRACE_DAYS


def _features(
    *,
    agents: int,
    messages: int,
    users: int,
    storage_mb: int,
    support: str,
    builder: bool = True,
    fine_tuning: bool = False,
    enterprise: bool = False,
) -> tuple[FeatureSeed, ...]:
    return (
        FeatureSeed("agents", FeatureKind.LIMIT, agents),
        FeatureSeed("messages", FeatureKind.METERED, messages),
        FeatureSeed("users", FeatureKind.LIMIT, users),
        FeatureSeed("storage_mb", FeatureKind.LIMIT, storage_mb),
        FeatureSeed("knowledge_base", FeatureKind.BOOL, builder),
        FeatureSeed("workflows", FeatureKind.BOOL, builder),
        FeatureSeed("fine_tuning", FeatureKind.BOOL, fine_tuning),
        FeatureSeed("sso", FeatureKind.BOOL, enterprise),
        FeatureSeed("sla", FeatureKind.BOOL, enterprise),
        FeatureSeed("support", FeatureKind.TEXT, support),
    )


def _prices(monthly: int) -> tuple[PriceSeed, ...]:
    return (
        PriceSeed(Interval.MONTH, monthly),
        PriceSeed(Interval.YEAR, monthly * _MONTHS_PAID_PER_YEAR),
    )


TIERS = (
    Tier(
        code="free",
        name="Free",
        description="Try it on your own, for as long as you like.",
        prices=_prices(0),
        features=_features(
            agents=1,
            messages=1_000,
            users=1,
            storage_mb=100,
            support="community",
            builder=False,
        ),
    ),
    Tier(
        code="starter",
        name="Starter",
        description="For small teams that start to rely on it.",
        prices=_prices(2_900),
        features=_features(agents=5, messages=10_000, users=3, storage_mb=1_000, support="email"),
    ),
    Tier(
        code="professional",
        name="Professional",
        description="For teams that run their business on it.",
        prices=_prices(9_900),
        features=_features(
            agents=25,
            messages=100_000,
            users=10,
            storage_mb=10_000,
            support="priority",
            fine_tuning=True,
        ),
    ),
    Tier(
        code="enterprise",
        name="Enterprise",
        description="Without limits, with single sign-on and a service agreement.",
        prices=(),
        features=_features(
            agents=-1,
            messages=-1,
            users=-1,
            storage_mb=-1,
            support="dedicated",
            fine_tuning=True,
            enterprise=True,
        ),
        contact_sales=True,
    ),
)
