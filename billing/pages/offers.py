"""The plans as cards, and a price as the line of a summary."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from billing.enums import Interval, UsageType
from billing.models import Plan, Price, Subscription
from billing.money import Money
from billing.pages import words
from billing.selectors import plans
from billing.services import discounts

PERIODS = {Interval.MONTH: "month", Interval.YEAR: "year"}
_MONTHS_PER_YEAR = 12


@dataclasses.dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan as a visitor sees it at one interval. `price` is empty where sales is asked."""

    code: str
    name: str
    description: str
    price: str
    period: str
    saving: str
    trial_days: int
    features: list[str]
    contact_sales: bool
    is_free: bool
    is_current: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """A plan in the form of a change; `code` is empty for the one that runs.

    `prices` are by interval; without any, sales is asked.
    """

    code: str
    name: str
    description: str
    prices: dict[str, str]
    saving: str
    features: list[str]
    is_current: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """What an order costs, in words. `due_now` is zero during a trial.

    `total` is what is charged later on; `coupon` and `taken_off` are empty without one.
    """

    plan: str
    price: str
    period: str
    seats: int
    total: str
    due_now: str
    trial_days: int
    is_free: bool
    coupon: str = ""
    taken_off: str = ""


def read_interval(text: str | None) -> Interval:
    """Read an interval from an address; anything else is the month."""
    return Interval.YEAR if text == Interval.YEAR else Interval.MONTH


def cards(interval: Interval, *, current: Subscription | None) -> list[PlanCard]:
    """Return the plans on sale at an interval, and those that sales is asked for."""
    made = (_card(offer, interval, current) for offer in plans.list_plans())
    return [card for card in made if card is not None]


def _card(offer: plans.Offer, interval: Interval, current: Subscription | None) -> PlanCard | None:
    price = _price_at(offer.prices, interval)
    if price is None and not offer.plan.contact_sales:
        return None
    return PlanCard(
        code=offer.plan.code,
        name=offer.plan.name,
        description=offer.plan.description,
        price=_short(price.amount_minor, price.currency) if price else "",
        period=PERIODS[interval],
        saving=_saving(offer.prices, price),
        trial_days=price.trial_days if price else 0,
        features=words.features(offer.features),
        contact_sales=price is None,
        is_free=bool(price and price.is_free),
        is_current=_is_current(offer, price, current),
    )


def _is_current(offer: plans.Offer, price: Price | None, current: Subscription | None) -> bool:
    if current is None or current.plan_version.plan_id != offer.plan.pk:
        return False
    # A plan without a price here, and the free one, are the same at every interval.
    return current.is_free or price is None or current.price.interval == price.interval


def _price_at(prices: Iterable[Price], interval: Interval) -> Price | None:
    """Return the price of `plans.get_price`: dollars, or the first currency of the alphabet."""
    fitting = [
        price
        for price in prices
        if price.interval == interval and price.usage_type == UsageType.LICENSED
    ]
    return min(
        fitting,
        key=lambda price: (price.currency != plans.DEFAULT_CURRENCY, price.currency),
        default=None,
    )


def _saving(prices: Iterable[Price], yearly: Price | None) -> str:
    """Say what a year saves over twelve months."""
    if yearly is None or yearly.interval != Interval.YEAR:
        return ""
    monthly = _price_at((p for p in prices if p.currency == yearly.currency), Interval.MONTH)
    if monthly is None:
        return ""
    saved = monthly.amount_minor * _MONTHS_PER_YEAR - yearly.amount_minor
    return _short(saved, yearly.currency) if saved > 0 else ""


def choices(running: Subscription) -> list[Choice]:
    """Return what a running subscription can become: paid plans, and those sales is asked for.

    It keeps its version of its plan, also one that is not sold any more.
    """
    version, currency = running.plan_version, running.price.currency
    kept = [price for price in version.prices.all() if price.is_active]
    made = []
    is_sold = False
    for offer in plans.list_plans():
        if offer.plan.pk == version.plan_id:
            is_sold = True
            made.append(_choice(offer.plan, kept, plans.features_of(version), currency, code=""))
        elif offer.plan.contact_sales or any(not price.is_free for price in offer.prices):
            made.append(_choice(offer.plan, offer.prices, offer.features, currency))
    if not is_sold:
        made.insert(0, _choice(version.plan, kept, plans.features_of(version), currency, code=""))
    return made


def _choice(
    plan: Plan,
    prices: Iterable[Price],
    features: Mapping[str, plans.FeatureValue],
    currency: str,
    *,
    code: str | None = None,
) -> Choice:
    in_currency = [price for price in prices if price.currency == currency]
    by_interval = {interval: _price_at(in_currency, interval) for interval in Interval}
    return Choice(
        code=plan.code if code is None else code,
        name=plan.name,
        description=plan.description,
        prices={
            interval.value: _short(price.amount_minor, price.currency)
            for interval, price in by_interval.items()
            if price is not None
        },
        saving=_saving(in_currency, by_interval[Interval.YEAR]),
        features=words.features(features),
        is_current=code == "",
    )


def summary(
    price: Price,
    *,
    seats: int,
    trial_days: int | None = None,
    discount: Mapping[str, Any] | None = None,
) -> Summary:
    """Return what `seats` at a price cost.

    `trial_days` None is the price's own trial; `discount` what a checkout or a subscription keeps.
    """
    total = price.amount_minor * seats
    days = price.trial_days if trial_days is None else trial_days
    kept = discounts.stored(discount)
    off = discounts.taken_off(kept, total) if kept else 0
    terms = discount.get("terms") or discounts.in_words(kept) if discount and kept else ""
    lasts = bool(discount and discount.get("lasts", "forever") == "forever")
    return Summary(
        plan=price.plan_version.plan.name,
        price=Money(price.amount_minor, price.currency).display(),
        period=PERIODS[Interval(price.interval)],
        seats=seats,
        total=Money(total - off if lasts else total, price.currency).display(),
        due_now=Money(0 if days else total - off, price.currency).display(),
        trial_days=days,
        is_free=price.is_free,
        coupon=f"{kept.coupon}: {terms}" if kept else "",
        taken_off=Money(-off, price.currency).display() if kept else "",
    )


def of_subscription(subscription: Subscription) -> Summary:
    """Return what a subscription costs."""
    price = subscription.price
    price.plan_version = subscription.plan_version
    return summary(
        price,
        seats=subscription.seats,
        trial_days=subscription.trial_days,
        discount=subscription.discount,
    )


def _short(amount_minor: int, currency: str) -> str:
    """Return an amount without decimals that say nothing: `$29`, `$29.50`."""
    shown = Money(amount_minor, currency).display()
    return shown.removesuffix(".00")
