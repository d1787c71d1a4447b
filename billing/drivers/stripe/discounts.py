"""Discounts on Stripe's subscriptions: how they are asked for, and how they look."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing.money import percent_text
from billing.types import DiscountRef, DiscountSnapshot

if TYPE_CHECKING:
    import stripe

Json = dict[str, Any]

# The key of our code in the metadata of our coupons.
COUPON_KEY = "till_coupon"
# What a subscription has to be asked with for `on_subscription` to read it (three levels).
EXPAND = "discounts.source.coupon"


def as_param(ref: DiscountRef) -> "stripe.params.SubscriptionCreateParamsDiscount":
    """Return a discount as `discounts` takes it, on subscriptions, checkouts and previews.

    Source: https://docs.stripe.com/billing/subscriptions/coupons
    """
    if ref.kind == "promotion_code":
        return {"promotion_code": ref.external_id}
    return {"coupon": ref.external_id}


def on_subscription(raw: Json) -> tuple[DiscountSnapshot, ...]:
    """Return what lies on a subscription that was asked for with `EXPAND`.

    Source: https://docs.stripe.com/changelog/clover/2025-09-30/add-discount-source-property
    """
    rows: list[Any] = raw.get("discounts") or []
    return tuple(_snapshot(row) for row in rows if isinstance(row, dict))


def _snapshot(row: Json) -> DiscountSnapshot:
    coupon = row["source"]["coupon"]
    ends_at = datetime.fromtimestamp(row["end"], UTC) if row["end"] else None
    if not isinstance(coupon, dict):
        return DiscountSnapshot(coupon=coupon or "", ends_at=ends_at)
    return DiscountSnapshot(
        coupon=(coupon["metadata"] or {}).get(COUPON_KEY) or coupon["id"],
        name=coupon["name"] or "",
        percent_off=percent_text(coupon["percent_off"]) if coupon["percent_off"] else "",
        amount_off_minor=coupon["amount_off"] or 0,
        currency=(coupon["currency"] or "").upper(),
        ends_at=ends_at,
    )
