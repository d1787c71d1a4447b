"""Finding what a code of ours takes off a price, why it may not, and using it up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.enums import CouponDuration
from billing.models import Coupon, CouponRedemption, ExternalCoupon, Price, Subscription
from billing.services import coupon_links, coupons
from billing.types import DiscountRef
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import NOW
from tests.billing.coupon_steps import (
    EXPIRED,
    NOT_HERE,
    USED_UP,
    find,
    make_coupon,
    make_theirs,
    why_not,
)
from tests.factories_billing import PlanFactory, SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def use(coupon: Coupon, **subscription: Any) -> Subscription:
    row: Subscription = SubscriptionFactory.create(**subscription)
    CouponRedemption.objects.create(
        organization=row.organization,
        subscription=row,
        coupon=coupon,
        code=coupon.code,
        external_coupon_id=f"till_{coupon.code}",
        redeemed_at=NOW,
    )
    return row


class TestOurs:
    def test_is_pushed_at_its_first_use_and_final_from_then_on(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.REPEATING, duration_months=3)

        found = find(organization, coupon.code.lower(), price)

        assert found.code == coupon.code
        assert found.ref == DiscountRef(f"till_{coupon.code}")
        assert found.description == "20 % off for 3 months"
        assert found.amount_after(2900) == 2320
        assert found.coupon == coupon
        coupon.refresh_from_db()
        assert coupon.final_at is not None
        assert ExternalCoupon.objects.get(coupon=coupon).external_id == f"till_{coupon.code}"

    @pytest.mark.parametrize(
        ("fields", "description", "left"),
        [
            ({}, "20 % off the first invoice", 2320),
            ({"percent_off": Decimal("33.33")}, "33.33 % off the first invoice", 1933),
            ({"percent_off": Decimal(100)}, "100 % off the first invoice", 0),
            ({"duration": CouponDuration.FOREVER}, "20 % off", 2320),
            (
                {"duration": CouponDuration.REPEATING, "duration_months": 1},
                "20 % off for 1 month",
                2320,
            ),
            (
                {"amount_off_minor": 500, "currency": "USD"},
                "$5.00 off the first invoice",
                2400,
            ),
            (
                {"amount_off_minor": 9900, "currency": "USD"},
                "$99.00 off the first invoice",
                0,
            ),
        ],
    )
    def test_says_what_it_takes_off(
        self,
        organization: Organization,
        price: Price,
        fields: dict[str, Any],
        description: str,
        left: int,
    ) -> None:
        found = find(organization, make_coupon(**fields).code, price)

        assert (found.description, found.amount_after(2900)) == (description, left)

    def test_is_for_the_plans_it_names(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        starter, professional = catalogue["starter:month"], catalogue["professional:month"]
        coupon = make_coupon()
        coupon.plans.add(starter.plan_version.plan)

        assert find(organization, coupon.code, starter).coupon == coupon
        assert why_not(organization, coupon.code, professional) == NOT_HERE

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"is_active": False}, EXPIRED),
            ({"redeem_by": NOW}, EXPIRED),
            ({"amount_off_minor": 500, "currency": "EUR"}, NOT_HERE),
        ],
        ids=["taken out of use", "too late", "another currency"],
    )
    def test_is_refused(
        self, organization: Organization, price: Price, fields: dict[str, Any], reason: str
    ) -> None:
        coupon = make_coupon(**fields)

        assert why_not(organization, coupon.code, price, now=NOW) == reason

        coupon.refresh_from_db()
        assert coupon.final_at is None
        assert not ExternalCoupon.objects.filter(coupon=coupon).exists()

    def test_is_taken_until_its_last_second(self, organization: Organization, price: Price) -> None:
        coupon = make_coupon(redeem_by=NOW + timedelta(seconds=1))

        assert find(organization, coupon.code, price, now=NOW).coupon == coupon

    def test_is_used_up_by_what_came_to_something(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=2)
        use(coupon, status="canceled", activated_at=None)
        use(coupon, status="incomplete_expired", activated_at=None)
        use(coupon, status="canceled")
        assert find(organization, coupon.code, price).coupon == coupon

        use(coupon, status="incomplete", activated_at=None)

        assert why_not(organization, coupon.code, price) == USED_UP

    def test_is_not_used_up_by_ones_own_unfinished_start(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        use(coupon, organization=organization, status="incomplete", activated_at=None)

        assert find(organization, coupon.code, price).coupon == coupon

    def test_is_nothing_for_a_free_plan(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        assert why_not(organization, make_coupon().code, catalogue["free:month"]) == NOT_HERE

    def test_that_the_provider_has_otherwise_is_a_matter_for_support(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        make_theirs(stripe, id=f"till_{coupon.code}", percent_off="50")

        with pytest.raises(coupon_links.CouponNotLinked) as caught:
            find(organization, coupon.code, price)

        assert caught.value.status == 502
        assert not ExternalCoupon.objects.filter(coupon=coupon).exists()


class TestRedeem:
    def test_is_counted_once_for_a_subscription(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon()
        found = find(organization, coupon.code, price)
        row = SubscriptionFactory.create(organization=organization)

        coupons.redeem(applicable=found, subscription=row, now=clock.now())
        with pytest.raises(coupons.CouponRefused, match=USED_UP):
            coupons.redeem(applicable=found, subscription=row, now=clock.now())

        assert CouponRedemption.objects.get().coupon == coupon

    def test_can_be_given_back(self, organization: Organization, price: Price) -> None:
        coupon = make_coupon(max_redemptions=1)
        found = find(organization, coupon.code, price)
        row = SubscriptionFactory.create(organization=organization)
        coupons.redeem(applicable=found, subscription=row, now=clock.now())

        coupons.give_back(applicable=found, subscription=row)

        assert find(organization, coupon.code, price).coupon == coupon

    def test_is_refused_once_it_was_taken_out_of_use(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon()
        found = find(organization, coupon.code, price)
        assert coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())
        assert not coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())

        with pytest.raises(coupons.CouponRefused, match=EXPIRED):
            coupons.redeem(
                applicable=found,
                subscription=SubscriptionFactory.create(organization=organization),
                now=clock.now(),
            )

        assert CouponRedemption.objects.count() == 0

    def test_plans_that_are_not_sold_here_are_of_no_account(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon()
        coupon.plans.add(PlanFactory.create())

        assert why_not(organization, coupon.code, price) == NOT_HERE
