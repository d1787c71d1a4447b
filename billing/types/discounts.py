"""Coupons: what a provider is told about ours, and what it knows of its own."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, slots=True)
class DiscountRef:
    """A discount as a provider is asked for it: Stripe has codes for coupons beside coupons."""

    external_id: str
    kind: Literal["coupon", "promotion_code"] = "coupon"


@dataclasses.dataclass(frozen=True, slots=True)
class CouponSpec:
    """What a provider must know to take one of our coupons off.

    Exactly one of `percent_off` (a decimal number, as text) and `amount_off_minor` is set. Until
    when and how often it can be redeemed is ours to guard: the provider is not told.
    """

    our_id: str
    code: str
    name: str
    duration: Literal["once", "repeating", "forever"]
    percent_off: str = ""
    amount_off_minor: int = 0
    currency: str = ""
    duration_months: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class DiscountOffer:
    """What a provider would take off for a code that is its own, and what speaks against it.

    `state` is usable, expired or used_up. Without `external_product_ids` it is for every product;
    `minimum_minor` (in `minimum_currency`) and `external_customer_id` restrict it where set.
    """

    ref: DiscountRef
    external_coupon_id: str
    state: Literal["usable", "expired", "used_up"] = "usable"
    name: str = ""
    percent_off: str = ""
    amount_off_minor: int = 0
    currency: str = ""
    duration: Literal["once", "repeating", "forever"] = "once"
    duration_months: int = 0
    external_product_ids: tuple[str, ...] = ()
    minimum_minor: int = 0
    minimum_currency: str = ""
    external_customer_id: str = ""
    first_purchase_only: bool = False
