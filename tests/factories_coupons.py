"""Coupons, and that they were used."""

import uuid
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from billing.models import Coupon, CouponRedemption
from tests.factories_billing import NOW, SubscriptionFactory


class CouponFactory(DjangoModelFactory[Coupon]):
    """20 % off the first invoice."""

    class Meta:
        model = Coupon

    code = factory.LazyFunction(lambda: f"C{uuid.uuid4().hex[:12].upper()}")
    name = "Welcome"
    percent_off = Decimal(20)


class CouponRedemptionFactory(DjangoModelFactory[CouponRedemption]):
    class Meta:
        model = CouponRedemption

    subscription = factory.SubFactory(SubscriptionFactory)
    organization = factory.SelfAttribute("subscription.organization")
    coupon = factory.SubFactory(CouponFactory)
    code = factory.SelfAttribute("coupon.code")
    external_coupon_id = factory.LazyAttribute(lambda row: f"till_{row.code}")
    redeemed_at = NOW
