"""Coupons, promotion codes and the discounts they make."""

from typing import Any

import pytest
import stripe

from tests.simulators.stripe.client import StripeSimulator

DAY = 86_400


def subscribe(v1: Any, customer: Any, price: Any, **more: Any) -> Any:
    return v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 3}],
            "expand": ["latest_invoice", "discounts"],
            **more,
        }
    )


def invoices(v1: Any, made: Any) -> list[tuple[int, int]]:
    """Return subtotal and total of the invoices so far, oldest first."""
    listed = v1.invoices.list({"subscription": made.id}).data
    return [(row.subtotal, row.total) for row in reversed(listed)]


class TestPercentOff:
    def test_is_taken_off_the_invoice(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        coupon = v1.coupons.create({"percent_off": 33.3, "duration": "forever", "id": "THIRD"})

        made = subscribe(v1, customer, price, discounts=[{"coupon": "THIRD"}])

        (discount,) = made.discounts
        bill = made.latest_invoice
        assert (coupon.percent_off, discount.source.coupon) == (33.3, "THIRD")
        assert (bill.subtotal, bill.total, bill.amount_paid) == (8700, 5803, 5803)
        assert [(row.amount, row.discount) for row in bill.total_discount_amounts] == [
            (2897, discount.id)
        ]
        assert bill.lines.data[0].amount == 8700
        assert bill.lines.data[0].discount_amounts[0].amount == 2897
        assert bill.discounts == [discount.id]
        assert v1.coupons.retrieve("THIRD").times_redeemed == 1

    def test_of_everything_needs_no_card(self, v1: Any, customer: Any, price: Any) -> None:
        v1.coupons.create({"percent_off": 100, "duration": "once", "id": "FREE"})

        made = subscribe(v1, customer, price, discounts=[{"coupon": "FREE"}])

        assert (made.status, made.latest_invoice.status) == ("active", "paid")
        assert made.latest_invoice.total == 0

    def test_two_follow_each_other(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "once", "id": "HALF"})
        v1.coupons.create(
            {"amount_off": 1000, "currency": "usd", "duration": "once", "id": "TENNER"}
        )

        made = subscribe(v1, customer, price, discounts=[{"coupon": "HALF"}, {"coupon": "TENNER"}])

        assert made.latest_invoice.total == 4350 - 1000


class TestAmountOff:
    def test_is_spread_over_the_lines_to_the_cent(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        prices = [
            v1.prices.create(
                {
                    "product": price.product,
                    "currency": "usd",
                    "unit_amount": 1000,
                    "recurring": {"interval": "month"},
                }
            ).id
            for _ in range(3)
        ]
        v1.coupons.create({"amount_off": 100, "currency": "usd", "id": "DOLLAR"})

        made = subscribe(
            v1,
            customer,
            price,
            items=[{"price": one} for one in prices],
            discounts=[{"coupon": "DOLLAR"}],
        )

        lines = made.latest_invoice.lines.data
        assert [line.discount_amounts[0].amount for line in lines] == [34, 33, 33]
        assert made.latest_invoice.total == 2900

    def test_never_takes_off_more_than_there_is(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"amount_off": 99_999, "currency": "usd", "id": "MUCH"})

        made = subscribe(v1, customer, price, discounts=[{"coupon": "MUCH"}])

        assert (made.latest_invoice.total, made.latest_invoice.amount_due) == (0, 0)


class TestDuration:
    @pytest.mark.parametrize(
        ("duration", "totals"),
        [
            ({"duration": "once"}, [5220, 8700, 8700, 8700]),
            ({"duration": "repeating", "duration_in_months": 2}, [5220, 5220, 8700, 8700]),
            ({"duration": "forever"}, [5220, 5220, 5220, 5220]),
        ],
    )
    def test_says_for_how_many_invoices_it_holds(
        self,
        simulator: StripeSimulator,
        v1: Any,
        customer: Any,
        price: Any,
        card: Any,
        duration: dict[str, Any],
        totals: list[int],
    ) -> None:
        coupon = v1.coupons.create({"percent_off": 40, **duration})
        made = subscribe(v1, customer, price, discounts=[{"coupon": coupon.id}])

        simulator.advance(3 * 31 * DAY)

        assert invoices(v1, made) == [(8700, total) for total in totals]
        left = v1.subscriptions.retrieve(made.id).discounts
        assert len(left) == (1 if duration["duration"] == "forever" else 0)

    def test_once_waits_for_the_end_of_the_trial(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "once", "id": "HALF"})
        made = subscribe(v1, customer, price, discounts=[{"coupon": "HALF"}], trial_period_days=7)

        simulator.advance(8 * DAY)

        assert invoices(v1, made) == [(0, 0), (8700, 4350)]
        assert len(simulator.events("customer.discount.deleted")) == 1


class TestProducts:
    def test_other_products_stay_as_they_are(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        other = v1.prices.create(
            {
                "product_data": {"name": "Extra"},
                "currency": "usd",
                "unit_amount": 1000,
                "recurring": {"interval": "month"},
            }
        )
        v1.coupons.create(
            {"percent_off": 10, "id": "EXTRA", "applies_to": {"products": [other.product]}}
        )

        made = subscribe(
            v1,
            customer,
            price,
            items=[{"price": price.id}, {"price": other.id}],
            discounts=[{"coupon": "EXTRA"}],
        )

        lines = made.latest_invoice.lines.data
        assert [[part.amount for part in line.discount_amounts] for line in lines] == [[], [100]]
        shown = v1.coupons.retrieve("EXTRA", {"expand": ["applies_to"]})
        assert shown.applies_to.products == [other.product]
        assert "applies_to" not in v1.coupons.retrieve("EXTRA").to_dict()


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


class TestOnARunningSubscription:
    def test_begins_with_the_next_invoice(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "once", "id": "HALF"})
        made = subscribe(v1, customer, price)
        asked = {"subscription": made.id, "discounts": [{"coupon": "HALF"}]}
        preview = v1.invoices.create_preview(asked)
        assert v1.coupons.retrieve("HALF").times_redeemed == 0

        changed = v1.subscriptions.update(made.id, {"discounts": [{"coupon": "HALF"}]})
        simulator.advance(32 * DAY)

        assert len(changed.discounts) == 1
        assert preview.total == 4350
        assert invoices(v1, made) == [(8700, 8700), (8700, 4350)]

    def test_is_kept_by_its_id_and_taken_off_by_none(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "forever", "id": "HALF"})
        made = subscribe(v1, customer, price, discounts=[{"coupon": "HALF"}])
        kept = made.discounts[0].id

        again = v1.subscriptions.update(made.id, {"discounts": [{"discount": kept}]})
        none = v1.subscriptions.update(made.id, {"discounts": ""})

        assert (again.discounts, none.discounts) == ([kept], [])
        assert v1.coupons.retrieve("HALF").times_redeemed == 1

    def test_can_be_deleted(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "forever", "id": "HALF"})
        made = subscribe(v1, customer, price, discounts=[{"coupon": "HALF"}])

        v1.subscriptions.delete_discount(made.id)
        simulator.advance(32 * DAY)

        assert invoices(v1, made)[-1] == (8700, 8700)

    def test_prorations_are_net_of_it(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.coupons.create({"percent_off": 50, "duration": "forever", "id": "HALF"})
        made = subscribe(v1, customer, price, discounts=[{"coupon": "HALF"}])
        simulator.advance(10 * DAY)
        item = made["items"].data[0]
        at = simulator.now()
        how = {
            "items": [{"id": item.id, "quantity": 6}],
            "proration_behavior": "always_invoice",
            "proration_date": at,
        }
        preview = v1.invoices.create_preview({"subscription": made.id, "subscription_details": how})

        changed = v1.subscriptions.update(made.id, {**how, "expand": ["latest_invoice"]})

        share = (item.current_period_end - at) / (
            item.current_period_end - item.current_period_start
        )
        amounts = [line.amount for line in changed.latest_invoice.lines.data]
        assert amounts == [-round(4350 * share), round(8700 * share)]
        assert amounts == [line.amount for line in preview.lines.data]
        assert changed.latest_invoice.total == changed.latest_invoice.subtotal == preview.total


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
