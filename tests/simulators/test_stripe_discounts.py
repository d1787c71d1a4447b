"""Coupons and the discounts they make."""

from typing import Any

import pytest

from tests.simulators.discount_steps import invoices, subscribe
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


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
