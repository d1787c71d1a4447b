"""Promotion codes, discounts that are refused, and discounts at the checkout."""

from typing import Any

import pytest
import stripe

from tests.simulators.discount_steps import invoices, subscribe
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


class TestRefusals:
    def test_an_unknown_coupon(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="No such coupon: 'NONE'") as refused:
            subscribe(v1, customer, price, discounts=[{"coupon": "NONE"}])

        assert refused.value.code == "resource_missing"
        assert refused.value.param == "discounts[0][coupon]"
        assert v1.subscriptions.list({"customer": customer.id}).data == []

    def test_an_expired_coupon(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 10, "id": "OLD", "redeem_by": simulator.now() + 60})
        simulator.advance(120)

        with pytest.raises(stripe.InvalidRequestError) as refused:
            subscribe(v1, customer, price, discounts=[{"coupon": "OLD"}])

        assert (refused.value.code, refused.value.param) == (
            "coupon_expired",
            "discounts[0][coupon]",
        )
        assert v1.coupons.retrieve("OLD").valid is False

    def test_an_exhausted_coupon(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        v1.coupons.create({"percent_off": 10, "id": "ONE", "max_redemptions": 1})
        subscribe(v1, customer, price, discounts=[{"coupon": "ONE"}])

        with pytest.raises(stripe.InvalidRequestError) as refused:
            subscribe(v1, customer, price, discounts=[{"coupon": "ONE"}])

        assert refused.value.code == "coupon_expired"

    def test_a_deleted_coupon_takes_off_what_it_did_before(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "forever", "id": "GONE"})
        made = subscribe(v1, customer, price, discounts=[{"coupon": "GONE"}])

        assert v1.coupons.delete("GONE").deleted
        simulator.advance(32 * DAY)

        assert invoices(v1, made) == [(8700, 4350)] * 2
        with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
            v1.coupons.retrieve("GONE")
        assert v1.coupons.list().data == []

    @pytest.mark.parametrize(
        ("wish", "param"),
        [
            ({"percent_off": 10, "amount_off": 5, "currency": "usd"}, "percent_off"),
            ({"percent_off": 101}, "percent_off"),
            ({"amount_off": 5}, "currency"),
            ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
        ],
    )
    def test_a_coupon_that_makes_no_sense(self, v1: Any, wish: dict[str, Any], param: str) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.coupons.create(wish)

        assert refused.value.param == param

    def test_another_currency(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        v1.coupons.create({"amount_off": 500, "currency": "eur", "id": "EURO"})

        with pytest.raises(stripe.InvalidRequestError, match="is in eur"):
            subscribe(v1, customer, price, discounts=[{"coupon": "EURO"}])


class TestPromotionCodes:
    def code(self, v1: Any, **more: Any) -> Any:
        v1.coupons.create({"percent_off": 50, "id": "HALF"})
        return v1.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": "HALF"}, "code": "Autumn", **more}
        )

    def test_redeem_their_coupon(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        code = self.code(v1)
        (found,) = v1.promotion_codes.list({"code": "AUTUMN", "active": True}).data

        made = subscribe(v1, customer, price, discounts=[{"promotion_code": found.id}])

        (entry,) = made.latest_invoice.total_discount_amounts
        assert (found.id, found.promotion.coupon) == (code.id, "HALF")
        assert made.latest_invoice.total == 4350
        assert v1.promotion_codes.retrieve(code.id).times_redeemed == 1
        assert entry.amount == 4350

    def test_are_refused_when_inactive(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        code = self.code(v1)
        v1.promotion_codes.update(code.id, {"active": False})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            subscribe(v1, customer, price, discounts=[{"promotion_code": code.id}])

        assert refused.value.param == "discounts[0][promotion_code]"

    def test_for_new_payers_are_refused_to_others(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        code = self.code(v1, restrictions={"first_time_transaction": True})
        subscribe(v1, customer, price)

        with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
            subscribe(v1, customer, price, discounts=[{"promotion_code": code.id}])

    def test_minimum_amounts_are_not_passed_over(self, v1: Any) -> None:
        limit = {"minimum_amount": 5000, "minimum_amount_currency": "usd"}

        with pytest.raises(stripe.InvalidRequestError) as refused:
            self.code(v1, restrictions=limit)

        assert refused.value.param == "restrictions[minimum_amount]"

    def test_one_word_is_active_once(self, v1: Any) -> None:
        self.code(v1)

        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.promotion_codes.create(
                {"promotion": {"type": "coupon", "coupon": "HALF"}, "code": "AUTUMN"}
            )

        assert refused.value.param == "code"


class TestAtCheckout:
    def test_is_taken_off_the_session(self, v1: Any, customer: Any, price: Any) -> None:
        v1.coupons.create({"percent_off": 10, "id": "TENTH"})

        session = v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer.id,
                "line_items": [{"price": price.id, "quantity": 1}],
                "discounts": [{"coupon": "TENTH"}],
                "success_url": "http://127.0.0.1/done",
            }
        )

        assert (session.amount_subtotal, session.amount_total) == (2900, 2610)
        assert session.total_details.amount_discount == 290
        assert session.discounts[0].coupon == "TENTH"
