"""What a discount comes to: in words, and in minor units. Asks no provider."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.models import Subscription
from billing.money import Money, discount_of
from billing.selectors import coupons
from billing.types import DiscountRef, DiscountSnapshot


def taken_off(discount: DiscountSnapshot, amount_minor: int) -> int:
    """Return what a discount takes off an invoice over an amount."""
    return discount_of(
        amount_minor,
        percent_off=discount.percent_off,
        amount_off_minor=discount.amount_off_minor,
    )


def stored(kept: Mapping[str, Any] | None) -> DiscountSnapshot | None:
    """Return the discount that a subscription's row keeps."""
    if not kept:
        return None
    ends_at = kept["ends_at"]
    return DiscountSnapshot(
        coupon=kept["coupon"],
        name=kept["name"] or "",
        percent_off=kept["percent_off"] or "",
        amount_off_minor=kept["amount_off"] or 0,
        currency=kept["currency"] or "",
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
    )


def news(
    had: DiscountSnapshot | None, has: DiscountSnapshot | None, *, is_start: bool
) -> tuple[str, str] | None:
    """Return verb and sentence for what became of a live subscription's discount, if anything did.

    With `is_start` the subscription has just come to life: what was asked for took effect, and is
    gone already where it was for the first invoice alone.
    """
    applied = (has or had) if is_start else has
    if applied and (is_start or had is None or _span(had) != _span(applied)):
        return "coupon_applied", f"The coupon {applied.coupon} was applied: {in_words(applied)}."
    if had and not has and not is_start:
        return "coupon_ended", f"The coupon {had.coupon} has ended."
    return None


def _span(discount: DiscountSnapshot) -> tuple[str, datetime | None]:
    return discount.coupon, discount.ends_at


def lasting(subscription: Subscription) -> DiscountRef | None:
    """Return the discount that still lies on a subscription when its next period begins."""
    kept = stored(subscription.discount)
    ends = subscription.current_period_end
    if kept is None or (kept.ends_at is not None and ends is not None and kept.ends_at <= ends):
        return None
    ours = coupons.by_code(kept.coupon)
    known = coupons.external_id(ours, subscription.provider) if ours else ""
    return DiscountRef(known or kept.coupon)


def off(discount: DiscountSnapshot) -> str:
    """Say what a discount takes off: `20 % off`, `$5.00 off`."""
    if discount.percent_off:
        return f"{discount.percent_off} % off"
    if not discount.currency:
        return "a discount"  # the provider named the coupon and no more
    return f"{Money(discount.amount_off_minor, discount.currency).display()} off"


def in_words(discount: DiscountSnapshot) -> str:
    """Say what a discount takes off and how long."""
    until = f" until {discount.ends_at:%-d %B %Y}" if discount.ends_at else ""
    return f"{off(discount)}{until}"
