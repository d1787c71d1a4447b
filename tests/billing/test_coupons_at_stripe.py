"""Finding codes that only Stripe knows, or that nobody does."""

from typing import Any

import pytest

from billing.enums import Provider
from billing.errors import ProviderBusy, ProviderFailed
from billing.models import Customer, ExternalCoupon, ExternalPrice, Price
from billing.types import DiscountOffer, DiscountRef
from orgs.models import Organization
from tests.billing import stripe_builders as build
from tests.billing.coupon_steps import (
    EXPIRED,
    NOT_HERE,
    find,
    make_coupon,
    make_their_code,
    make_theirs,
    new_code,
    why_not,
)
from tests.factories_billing import SubscriptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


UNKNOWN = "This coupon does not exist."


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
        since = stripe.calls_so_far()

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
