"""Coupons at the simulated Stripe: ours, and such as staff make in its dashboard."""

from typing import Any

import pytest

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls
from billing.types import DiscountRef, DiscountSnapshot
from tests.billing import stripe_builders as build
from tests.billing.coupon_steps import coupon_spec, make_their_code, make_theirs, new_code
from tests.billing.stripe_starts import start
from tests.simulators.stripe.client import StripeSimulator

DAY_S = 86_400


def ensure(**changes: Any) -> str:
    return build.driver().ensure_coupon(coupon_spec(**changes), idempotency_key=build.new_key())


def at_stripe(stripe: StripeSimulator, coupon_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stripe.api("GET", f"/v1/coupons/{coupon_id}").json()
    return found


class TestEnsureCoupon:
    def test_tells_what_it_takes_off_and_neither_until_when_nor_how_often(
        self, stripe: StripeSimulator
    ) -> None:
        code = new_code()

        coupon_id = ensure(code=code, duration="repeating", duration_months=3, percent_off="12.5")

        raw = at_stripe(stripe, coupon_id)
        assert coupon_id == f"till_{code}"
        assert raw["percent_off"] == 12.5
        assert (raw["duration"], raw["duration_in_months"]) == ("repeating", 3)
        assert (raw["amount_off"], raw["currency"]) == (None, None)
        assert (raw["redeem_by"], raw["max_redemptions"]) == (None, None)
        assert (raw["name"], raw["metadata"]) == ("Welcome", {"till_coupon": code})

    def test_an_amount_has_a_currency(self, stripe: StripeSimulator) -> None:
        coupon_id = ensure(percent_off="", amount_off_minor=500, currency="USD", duration="forever")

        raw = at_stripe(stripe, coupon_id)
        assert (raw["amount_off"], raw["currency"], raw["percent_off"]) == (500, "usd", None)
        assert raw["duration"] == "forever"

    def test_finds_the_one_it_made(self, stripe: StripeSimulator) -> None:
        code = new_code()

        assert ensure(code=code) == ensure(code=code)

    @pytest.mark.parametrize(
        "changes",
        [
            {"percent_off": "21"},
            {"percent_off": "", "amount_off_minor": 500, "currency": "USD"},
            {"duration": "forever"},
            {"duration": "repeating", "duration_months": 2},
        ],
        ids=["percentage", "amount", "duration", "months"],
    )
    def test_takes_no_other_coupon_for_it(
        self, stripe: StripeSimulator, changes: dict[str, Any]
    ) -> None:
        code = new_code()
        ensure(code=code)

        with pytest.raises(DriverRejected) as caught:
            ensure(code=code, **changes)

        assert caught.value.detail == "coupon_mismatch"


class TestFindDiscount:
    def test_finds_a_promotion_code_in_any_case(self, stripe: StripeSimulator) -> None:
        coupon_id = make_theirs(
            stripe, percent_off="25", duration="repeating", duration_in_months=2, name="Spring"
        )
        code = make_their_code(stripe, coupon_id)

        offer = build.driver().find_discount(code.lower())

        assert offer is not None
        assert offer.ref.kind == "promotion_code"
        assert offer.ref.external_id.startswith("promo_")
        assert (offer.external_coupon_id, offer.state) == (coupon_id, "usable")
        assert (offer.name, offer.percent_off) == ("Spring", "25")
        assert (offer.duration, offer.duration_months) == ("repeating", 2)
        assert (offer.external_product_ids, offer.external_customer_id) == ((), "")

    def test_tells_what_restricts_it(self, stripe: StripeSimulator) -> None:
        product, customer = build.make_price().external_product_id, build.make_customer()
        coupon_id = make_theirs(
            stripe,
            percent_off=None,
            amount_off=500,
            currency="usd",
            **{"applies_to[products][0]": product},
        )
        code = make_their_code(
            stripe,
            coupon_id,
            customer=customer,
            **{"restrictions[first_time_transaction]": "true"},
        )

        offer = build.driver().find_discount(code)

        assert offer is not None
        assert (offer.amount_off_minor, offer.currency) == (500, "USD")
        assert offer.external_product_ids == (product,)
        assert offer.external_customer_id == customer
        assert (offer.minimum_minor, offer.minimum_currency) == (0, "")
        assert offer.first_purchase_only

    def test_tells_the_minimum(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = make_their_code(stripe, make_theirs(stripe))
        read = calls.read

        def with_minimum(ask: calls.Ask) -> calls.Json:
            answer = read(ask)
            limits = answer["data"][0]["restrictions"]
            limits.update(minimum_amount=5000, minimum_amount_currency="usd")
            return answer

        monkeypatch.setattr(calls, "read", with_minimum)

        offer = build.driver().find_discount(code)

        assert offer is not None
        assert (offer.minimum_minor, offer.minimum_currency) == (5000, "USD")

    def test_takes_the_active_one_of_several(self, stripe: StripeSimulator) -> None:
        code, used_up = new_code(), make_theirs(stripe)
        first = stripe.api("GET", "/v1/promotion_codes").json()
        make_their_code(stripe, used_up, code=code)
        row = stripe.api("GET", "/v1/promotion_codes", {"code": code}).json()["data"][0]
        stripe.api("POST", f"/v1/promotion_codes/{row['id']}", {"active": "false"})
        wanted = make_theirs(stripe)
        make_their_code(stripe, wanted, code=code)

        offer = build.driver().find_discount(code)

        assert first["object"] == "list"
        assert offer is not None
        assert (offer.external_coupon_id, offer.state) == (wanted, "usable")

    def test_one_switched_off_has_expired(self, stripe: StripeSimulator) -> None:
        code = make_their_code(stripe, make_theirs(stripe), active="false")

        offer = build.driver().find_discount(code)

        assert offer is not None
        assert offer.state == "expired"

    def test_one_that_everybody_had_is_used_up(self, stripe: StripeSimulator) -> None:
        code = make_their_code(stripe, make_theirs(stripe), max_redemptions=1)
        offer = build.driver().find_discount(code)
        assert offer is not None
        start(discount=offer.ref)

        again = build.driver().find_discount(code)

        assert again is not None
        assert again.state == "used_up"

    def test_finds_a_coupon_by_its_id_last(self, stripe: StripeSimulator) -> None:
        coupon_id = make_theirs(stripe, percent_off="5", duration="forever")

        offer = build.driver().find_discount(coupon_id)

        assert offer is not None
        assert offer.ref == DiscountRef(coupon_id, "coupon")
        assert (offer.percent_off, offer.duration, offer.state) == ("5", "forever", "usable")

    def test_a_coupon_that_is_over_has_expired(self, stripe: StripeSimulator) -> None:
        coupon_id = make_theirs(stripe, redeem_by=stripe.now() - DAY_S)

        offer = build.driver().find_discount(coupon_id)

        assert offer is not None
        assert offer.state == "expired"

    def test_finds_none_of_ours_by_its_id_there(self, stripe: StripeSimulator) -> None:
        assert build.driver().find_discount(ensure()) is None

    def test_finds_nothing_where_nothing_is(self, stripe: StripeSimulator) -> None:
        assert build.driver().find_discount(new_code()) is None


class TestDiscounts:
    def test_lie_on_the_subscription_and_never_on_the_customer(
        self, stripe: StripeSimulator
    ) -> None:
        code = new_code()
        coupon_id = ensure(code=code, duration="repeating", duration_months=3)

        snapshot = start(discount=DiscountRef(coupon_id))

        (discount,) = snapshot.discounts
        assert (discount.coupon, discount.name, discount.percent_off) == (code, "Welcome", "20")
        assert discount.ends_at is not None
        assert discount.ends_at > snapshot.current_period_end  # type: ignore[operator]
        customer = stripe.api("GET", f"/v1/customers/{snapshot.external_customer_id}").json()
        assert customer["discount"] is None
        assert build.driver().retrieve_subscription(snapshot.external_id) == snapshot

    def test_of_an_amount_have_a_currency_and_no_end_when_they_stay(
        self, stripe: StripeSimulator
    ) -> None:
        coupon_id = make_theirs(
            stripe, percent_off=None, amount_off=500, currency="usd", duration="forever"
        )

        snapshot = start(discount=DiscountRef(coupon_id))

        assert snapshot.discounts == (
            DiscountSnapshot(coupon=coupon_id, amount_off_minor=500, currency="USD"),
        )

    def test_for_the_first_invoice_are_gone_after_it(self, stripe: StripeSimulator) -> None:
        snapshot = start(discount=DiscountRef(ensure(duration="once")))

        assert snapshot.discounts == ()

    def test_of_a_code_count_for_the_code(self, stripe: StripeSimulator) -> None:
        code = make_their_code(stripe, make_theirs(stripe))
        offer = build.driver().find_discount(code)
        assert offer is not None

        start(discount=offer.ref)

        row = stripe.api("GET", f"/v1/promotion_codes/{offer.ref.external_id}").json()
        assert row["times_redeemed"] == 1
