"""Finding what a code takes off a price, and why it may not."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.enums import CouponDuration, Provider
from billing.errors import ProviderBusy, ProviderFailed
from billing.models import (
    Coupon,
    CouponRedemption,
    Customer,
    ExternalCoupon,
    ExternalPrice,
    Price,
    Subscription,
)
from billing.services import coupon_links, coupons
from billing.types import DiscountOffer, DiscountRef
from orgs import clock
from orgs.models import Organization
from tests.billing import stripe_builders as build
from tests.billing.builders import NOW
from tests.billing.coupon_steps import (
    find,
    make_coupon,
    make_their_code,
    make_theirs,
    new_code,
    why_not,
)
from tests.factories_billing import PlanFactory, SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

UNKNOWN = "This coupon does not exist."
EXPIRED = "This coupon has expired."
USED_UP = "This coupon has been used up."
NOT_HERE = "This coupon does not apply to this plan."


@pytest.fixture
def price(catalogue: dict[str, Price]) -> Price:
    """Starter: $29.00 a month."""
    return catalogue["starter:month"]


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


class TestTheProviders:
    def test_code_is_found_in_any_case(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        code = make_their_code(stripe, make_theirs(stripe, percent_off="25", duration="forever"))

        found = find(organization, f" {code.lower()} ", price)

        assert found.ref.kind == "promotion_code"
        assert (found.code, found.coupon) == (code.lower(), None)
        assert (found.description, found.amount_after(2900)) == ("25 % off", 2175)

    def test_coupon_is_found_by_its_id(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon_id = make_theirs(stripe)

        assert find(organization, coupon_id, price).ref == DiscountRef(coupon_id, "coupon")

    def test_ours_goes_before_theirs(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        make_their_code(stripe, make_theirs(stripe, percent_off="99"), code=coupon.code)

        assert find(organization, coupon.code, price).coupon == coupon

    @pytest.mark.parametrize(
        ("coupon", "code", "reason"),
        [
            ({}, {"active": "false"}, EXPIRED),
            ({}, {"expires_at": 1_000_000_000}, EXPIRED),
            ({"percent_off": None, "amount_off": 500, "currency": "eur"}, {}, NOT_HERE),
        ],
        ids=["switched off", "expired", "another currency"],
    )
    def test_is_refused(
        self,
        organization: Organization,
        price: Price,
        stripe: StripeSimulator,
        coupon: dict[str, Any],
        code: dict[str, Any],
        reason: str,
    ) -> None:
        entered = make_their_code(stripe, make_theirs(stripe, **coupon), **code)

        assert why_not(organization, entered, price) == reason

    @pytest.mark.parametrize(
        ("minimum", "currency", "seats", "fits"),
        [
            (2900, "USD", 1, True),
            (2901, "USD", 1, False),
            (5800, "USD", 2, True),
            (1, "EUR", 1, False),
        ],
    )
    def test_wants_as_much_as_it_says(
        self,
        organization: Organization,
        price: Price,
        monkeypatch: pytest.MonkeyPatch,
        minimum: int,
        currency: str,
        seats: int,
        fits: Any,
    ) -> None:
        offer = DiscountOffer(
            ref=DiscountRef("promo_1", "promotion_code"),
            external_coupon_id="GRATIS",
            percent_off="20",
            minimum_minor=minimum,
            minimum_currency=currency,
        )
        monkeypatch.setattr(type(build.driver()), "find_discount", lambda *_: offer)

        if fits:
            assert find(organization, "GRATIS", price, seats=seats).ref == offer.ref
        else:
            assert why_not(organization, "GRATIS", price, seats=seats) == NOT_HERE

    def test_is_for_the_products_it_names(
        self,
        organization: Organization,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
    ) -> None:
        starter, professional = catalogue["starter:month"], catalogue["professional:month"]
        product = ExternalPrice.objects.get(price=starter).external_product_id
        code = make_theirs(stripe, **{"applies_to[products][0]": product})

        assert find(organization, code, starter).external_coupon_id == code
        assert why_not(organization, code, professional) == NOT_HERE
        ExternalPrice.objects.filter(price=starter).update(external_product_id="")
        assert why_not(organization, code, starter) == NOT_HERE

    def test_for_somebody_else_does_not_exist(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        customer = build.make_customer()
        code = make_their_code(stripe, make_theirs(stripe), customer=customer, active="false")

        assert why_not(organization, code, price) == UNKNOWN
        Customer.objects.create(
            organization=organization, provider=Provider.STRIPE, external_id=customer
        )
        assert why_not(organization, code, price) == EXPIRED

    def test_for_new_customers_is_not_for_old_ones(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        limits = {"restrictions[first_time_transaction]": "true"}
        code = make_their_code(stripe, make_theirs(stripe), **limits)
        assert find(organization, code, price).code == code

        SubscriptionFactory.create(organization=organization, status="canceled")

        assert why_not(organization, code, price) == NOT_HERE


class TestBadInput:
    @pytest.mark.parametrize(
        "code",
        ["", " ", "..", "../customers", "a b", "x" * 101, "50%", "GRATIS\x00", "КУПОН", "?x=1"],
    )
    def test_that_can_be_no_code_is_asked_nowhere(
        self, organization: Organization, price: Price, stripe: StripeSimulator, code: str
    ) -> None:
        since = stripe.requests()[-1]["seq"] if stripe.requests() else 0

        assert why_not(organization, code, price) == UNKNOWN

        assert stripe.requests(since) == []

    def test_a_code_of_nobody_does_not_exist(
        self, organization: Organization, price: Price
    ) -> None:
        assert why_not(organization, new_code(), price) == UNKNOWN

    def test_the_name_of_ours_at_the_provider_is_no_code(
        self, organization: Organization, price: Price
    ) -> None:
        coupon = make_coupon(max_redemptions=1)
        find(organization, coupon.code, price)

        assert why_not(organization, f"till_{coupon.code}", price) == UNKNOWN


@pytest.mark.usefixtures("short_pauses")
class TestProviderDown:
    FAULTS = (
        ({"action": "reset_before"}, ProviderFailed),
        ({"status": 500}, ProviderFailed),
        (
            {"status": 429, "error": {"type": "invalid_request_error", "code": "rate_limit"}},
            ProviderBusy,
        ),
    )

    @pytest.mark.parametrize(("fault", "error"), FAULTS, ids=["gone", "500", "429"])
    def test_a_code_that_is_not_ours_can_not_be_looked_up(
        self,
        organization: Organization,
        price: Price,
        stripe: StripeSimulator,
        fault: dict[str, Any],
        error: type[Exception],
    ) -> None:
        stripe.add_fault(method="GET", path="/v1/promotion_codes$", times=3, **fault)

        with pytest.raises(error):
            find(organization, new_code(), price)

    @pytest.mark.parametrize(("fault", "error"), FAULTS, ids=["gone", "500", "429"])
    def test_ours_is_pushed_at_the_next_try(
        self,
        organization: Organization,
        price: Price,
        stripe: StripeSimulator,
        fault: dict[str, Any],
        error: type[Exception],
    ) -> None:
        coupon = make_coupon()
        stripe.add_fault(method="POST", path="/v1/coupons$", times=1, **fault)
        with pytest.raises(error):
            find(organization, coupon.code, price)
        assert not ExternalCoupon.objects.filter(coupon=coupon).exists()

        assert find(organization, coupon.code, price).coupon == coupon

    def test_ours_that_is_known_there_needs_no_provider(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        find(organization, coupon.code, price)
        stripe.add_fault(path="/v1/", times=100, action="reset_before")

        assert find(organization, coupon.code, price).coupon == coupon


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
