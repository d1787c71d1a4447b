"""What an organization has and what comes next, in words; from local rows alone."""

import dataclasses
from datetime import datetime
from typing import Any

from billing.enums import FeatureKind, Interval, SubscriptionStatus
from billing.models import Subscription
from billing.money import Money
from billing.pages import offers, words
from billing.selectors import entitlements
from billing.selectors.plans import UNLIMITED
from billing.services import discounts

_S = SubscriptionStatus
_CHARGED = (_S.ACTIVE, _S.TRIALING)
OVERDUE = (_S.PAST_DUE, _S.UNPAID)


@dataclasses.dataclass(frozen=True, slots=True)
class NextCharge:
    """What comes next if nothing is changed: without tax and credit, which the provider knows."""

    on: datetime
    amount: str


@dataclasses.dataclass(frozen=True, slots=True)
class PendingChange:
    """What a subscription will be; `on` is None while it waits for its payment."""

    summary: str
    on: datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """How much of a feature is used, in numbers and in words; None where nobody counts."""

    key: str
    label: str
    used: int | None
    limit: int
    used_in_words: str
    limit_in_words: str
    is_unlimited: bool
    is_full: bool
    resets_at: datetime | None

    @property
    def is_measured(self) -> bool:
        """Say whether it can be shown as a bar."""
        return self.used is not None and not self.is_unlimited and bool(self.limit)


def next_charge(subscription: Subscription) -> NextCharge | None:
    """Return the next regular charge; None where none comes by itself."""
    ends = subscription.current_period_end
    if subscription.is_free or not subscription.auto_renew or ends is None:
        return None
    if subscription.status not in _CHARGED:
        return None
    pending = subscription.pending_change or {}
    if pending.get("kind") == "scheduled":
        amount, currency = pending["amount"] * pending["seats"], pending["currency"]
    else:
        amount = subscription.price.amount_minor * subscription.seats
        currency = subscription.price.currency
    discount = discounts.stored(subscription.discount)
    if discount and (discount.ends_at is None or discount.ends_at > ends):
        amount -= discounts.taken_off(discount, amount)
    return NextCharge(ends, Money(amount, currency).display())


def pending_change(subscription: Subscription) -> PendingChange | None:
    """Return the change that waits for the end of the period, or for its payment."""
    pending = subscription.pending_change
    if not pending:
        return None
    effective_at = pending.get("effective_at")
    return PendingChange(
        summary=_described(pending) if "plan" in pending else "A change",
        on=datetime.fromisoformat(effective_at) if effective_at else None,
    )


def discount_in_words(subscription: Subscription) -> str:
    """Say what the coupon on a subscription takes off; empty without one."""
    discount = discounts.stored(subscription.discount)
    return f"{discount.coupon}: {discounts.in_words(discount)}" if discount else ""


def uses(found: list[entitlements.Entitlement]) -> list[Use]:
    """Return what is counted of a plan's features, as the overview shows it."""
    return [
        Use(
            key=row.feature,
            label=words.feature_name(row.feature),
            used=row.used,
            limit=row.limit or 0,
            used_in_words=words.quantity(row.feature, row.used or 0),
            limit_in_words=words.quantity(row.feature, row.limit or 0),
            is_unlimited=row.limit == UNLIMITED,
            is_full=row.remaining == 0,
            resets_at=row.resets_at if row.kind == FeatureKind.METERED else None,
        )
        for row in found
        if row.kind in entitlements.COUNTED and row.enabled
    ]


def _described(pending: dict[str, Any]) -> str:
    total = Money(pending["amount"] * pending["seats"], pending["currency"]).display()
    period = offers.PERIODS[Interval(pending["interval"])]
    plan, seats = pending["plan"]["name"], words.counted(pending["seats"], "seat")
    return f"{plan}, {seats}, {total} a {period}"
