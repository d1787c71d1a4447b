"""Every write and every question of Stripe's driver about coupons, ready to be disturbed."""

import dataclasses

from billing.types import DiscountRef
from tests.billing import stripe_builders as build
from tests.billing.coupon_steps import coupon_spec, make_their_code, make_theirs
from tests.billing.stripe_cases import Call, Case, checkout_spec
from tests.simulators.stripe.client import StripeSimulator


def ensure_coupon(_: StripeSimulator) -> Call:
    spec, key = coupon_spec(), build.new_key()
    return lambda: build.driver().ensure_coupon(spec, idempotency_key=key)


def find_discount(stripe: StripeSimulator) -> Call:
    """A coupon's id: the promotion codes are asked first, then the coupons."""
    coupon_id = make_theirs(stripe)
    return lambda: build.driver().find_discount(coupon_id)


def find_code(stripe: StripeSimulator) -> Call:
    code = make_their_code(stripe, make_theirs(stripe))
    return lambda: build.driver().find_discount(code)


def start_with_coupon(stripe: StripeSimulator) -> Call:
    spec, key = build.subscription_spec(discount=DiscountRef(make_theirs(stripe))), build.new_key()
    return lambda: build.driver().create_subscription(spec, idempotency_key=key)


def start_with_code(stripe: StripeSimulator) -> Call:
    offer = build.driver().find_discount(make_their_code(stripe, make_theirs(stripe)))
    spec, key = build.subscription_spec(discount=offer.ref if offer else None), build.new_key()
    return lambda: build.driver().create_subscription(spec, idempotency_key=key)


def checkout_with_coupon(stripe: StripeSimulator) -> Call:
    spec = dataclasses.replace(
        checkout_spec(stripe), discount=DiscountRef(make_theirs(stripe)), trial_days=14
    )
    key = build.new_key()
    return lambda: build.driver().create_checkout_session(spec, idempotency_key=key)


CALLS = {"ensure_coupon": ensure_coupon, "find_discount": find_discount}
# Calls of other topics, with a discount.
DISCOUNTED = (start_with_coupon, start_with_code, checkout_with_coupon, find_code)

WRITES = {"create_coupon": Case("POST", "/coupons$", ensure_coupon)}
QUESTIONS = {
    "find_promotion_code": Case("GET", "/promotion_codes$", find_code),
    "find_coupon": Case("GET", "/coupons/", find_discount),
}
