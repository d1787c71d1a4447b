"""Starts with a coupon that are refused, or that have to be repeated."""

import pytest

from billing.enums import CouponDuration, SubscriptionStatus
from billing.errors import CardDeclined, ProviderBusy, ProviderFailed
from billing.models import CouponRedemption, Obligation, Price, Subscription
from billing.services import coupon_links, coupons
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing.coupon_steps import charged, created, make_coupon, new_code
from tests.billing.stripe_builders import VISA
from tests.billing.subscribe_steps import start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestRefused:
    def test_changes_nothing_and_gives_up_nothing(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        waiting = start(organization, price).subscription
        since = stripe.calls_so_far()

        with pytest.raises(coupons.CouponRefused):
            start(organization, price, VISA, coupon=new_code())

        waiting.refresh_from_db()
        assert waiting.status == SubscriptionStatus.INCOMPLETE
        assert Subscription.objects.count() == 1
        assert created(stripe, since) == []

    def test_of_what_costs_nothing(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(coupons.CouponRefused, match=coupons.NOT_HERE):
            start(organization, catalogue["free:month"], coupon=make_coupon().code)
        with pytest.raises(InvalidRequest) as caught:
            start(organization, catalogue["free:month"], trial=True)

        assert caught.value.fields == {"trial": ["This plan has no trial."]}
        assert Subscription.objects.count() == 0

    def test_a_declined_card_gives_the_coupon_back(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        with pytest.raises(CardDeclined):
            start(organization, price, "pm_card_chargeCustomerFail", coupon=coupon.code)

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        assert row.status == SubscriptionStatus.ACTIVE
        with pytest.raises(coupons.CouponRefused, match=coupons.USED_UP):
            start(Organization.objects.create(name="B", slug="b-else"), price, coupon=coupon.code)

    def test_a_waiting_start_of_ones_own_does_not_stand_in_the_way(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        waiting = start(organization, price, coupon=coupon.code).subscription

        row = start(organization, price, VISA, coupon=coupon.code).subscription

        waiting.refresh_from_db()
        assert waiting.is_final
        assert row.status == SubscriptionStatus.ACTIVE


@pytest.mark.usefixtures("short_pauses")
class TestTheSameKey:
    def test_resumes_with_the_coupon_it_began_with(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        more = {"coupon": coupon.code, "request_key": "key-1"}
        stripe.add_fault(
            method="POST",
            path="/v1/subscriptions$",
            status=429,
            error={"type": "invalid_request_error", "code": "rate_limit", "message": "slow"},
        )
        with pytest.raises(ProviderBusy):
            start(organization, price, VISA, **more)
        coupon_links.deactivate_coupon(coupon=coupon, now=clock.now())

        row = start(organization, price, VISA, **more).subscription

        assert charged(stripe, row) == 2320
        assert CouponRedemption.objects.count() == 1
        assert Subscription.objects.count() == 1

    def test_finds_what_a_lost_answer_left(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)
        more = {"coupon": coupon.code, "request_key": "key-2"}
        stripe.add_fault(method="POST", path="/v1/subscriptions$", action="reset_after")
        lost = start(organization, price, VISA, **more)
        assert lost.resolve_after is not None
        since = stripe.calls_so_far()

        row = start(organization, price, VISA, **more).subscription

        assert created(stripe, since) == []
        assert row.status == SubscriptionStatus.ACTIVE
        assert row.discount["coupon"] == coupon.code
        assert Obligation.objects.get().amount_minor == 2320

    def test_a_provider_that_is_down_leaves_nothing_behind(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(path="/v1/", times=3, action="reset_before")

        with pytest.raises(ProviderFailed):
            start(organization, price, VISA, coupon=new_code(), request_key="key-3")

        assert Subscription.objects.count() == 0
