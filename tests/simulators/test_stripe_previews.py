"""Previews: the invoice that a change would make, to the minor unit."""

import random
from typing import Any

import pytest
import stripe

from tests.simulators.conftest import new_price, save_card
from tests.simulators.preview_steps import Shop, subscribe, told
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


@pytest.fixture
def shop(simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any) -> Shop:
    return Shop(simulator, v1, customer, price)


class TestAChangeInvoicedAtOnce:
    @pytest.mark.parametrize("seats", [1, 3, 17])
    def test_is_previewed_to_the_minor_unit(self, shop: Shop, seats: int) -> None:
        at = shop.simulator.now() - 777
        how = {"proration_behavior": "always_invoice", "proration_date": at}
        preview = shop.preview({"quantity": seats}, **how)
        shop.simulator.advance(600)

        changed = shop.change({"quantity": seats}, **how)

        billed = changed.latest_invoice
        assert billed.billing_reason == "subscription_update"
        assert told(billed) == told(preview)
        assert (billed.subtotal, billed.total) == (preview.subtotal, preview.total)
        assert billed.amount_due == preview.amount_due
        assert [line.parent.subscription_item_details.proration for line in billed.lines.data] == [
            True,
            True,
        ]

    def test_a_preview_changes_nothing(self, shop: Shop) -> None:
        before = {
            kind: shop.simulator.objects(kind)
            for kind in ("subscription", "invoice", "invoiceitem", "customer", "payment_intent")
        }
        events = len(shop.simulator.events())

        preview = shop.preview({"quantity": 9}, proration_behavior="always_invoice")

        assert preview.id.startswith("upcoming_in_")
        assert preview.status == "draft"
        assert preview.billing_reason == "upcoming"
        assert {kind: shop.simulator.objects(kind) for kind in before} == before
        assert len(shop.simulator.events()) == events
        with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
            shop.v1.invoices.retrieve(preview.id)

    def test_names_the_moment_it_was_worked_out_for(self, shop: Shop) -> None:
        at = shop.simulator.now() - 60

        preview = shop.preview(
            {"quantity": 3}, proration_behavior="always_invoice", proration_date=at
        )

        details = preview.parent.subscription_details
        assert details.subscription_proration_date == at
        assert preview.lines.data[0].period.start == at

    @pytest.mark.parametrize("off", [-40 * DAY, 40 * DAY])
    def test_a_moment_outside_of_the_period_is_refused(self, shop: Shop, off: int) -> None:
        at = shop.simulator.now() + off
        how = {"proration_behavior": "always_invoice", "proration_date": at}

        for call in (shop.preview, shop.change):
            with pytest.raises(stripe.InvalidRequestError) as refused:
                call({"quantity": 3}, **how)
            assert refused.value.param == "proration_date"

        assert shop.v1.subscriptions.retrieve(shop.id)["items"].data[0].quantity == 2

    def test_the_credit_is_what_was_charged_before(self, shop: Shop) -> None:
        how = {"proration_behavior": "always_invoice", "proration_date": shop.simulator.now()}
        up = shop.change({"quantity": 7}, **how).latest_invoice

        down = shop.preview({"quantity": 2}, **how)

        assert down.lines.data[0].amount == -up.lines.data[1].amount
        details = down.lines.data[0].parent.subscription_item_details
        assert details.invoice_item is not None

    def test_what_was_free_is_not_credited(self, shop: Shop) -> None:
        how = {"proration_behavior": "always_invoice", "proration_date": shop.simulator.now()}
        none = shop.change({"quantity": 0}, **how).latest_invoice

        again = shop.change({"quantity": 2}, **how).latest_invoice

        assert [line.amount for line in none.lines.data] == [-again.lines.data[0].amount]
        assert len(again.lines.data) == 1


class TestAChangeOnTheNextInvoice:
    def test_is_previewed_with_the_renewal(self, shop: Shop) -> None:
        at = shop.simulator.now()
        preview = shop.preview({"quantity": 5}, proration_date=at)
        shop.change({"quantity": 5}, proration_date=at)

        shop.simulator.advance(20 * DAY)

        renewal = shop.v1.invoices.list({"subscription": shop.id}).data[0]
        assert renewal.billing_reason == "subscription_cycle"
        assert told(renewal) == told(preview)
        assert renewal.total == preview.total
        assert len(preview.lines.data) == 3

    def test_without_prorations_costs_the_new_price_only(self, shop: Shop) -> None:
        preview = shop.preview({"quantity": 5}, proration_behavior="none")

        assert [line.amount for line in preview.lines.data] == [5 * 2900]
        assert preview.lines.data[0].period.start == shop.item.current_period_end

    def test_nothing_changed_is_the_next_renewal(self, shop: Shop) -> None:
        shop.change({"quantity": 3})
        waiting = [entry["amount"] for entry in shop.simulator.objects("invoiceitem")]

        by_subscription = shop.v1.invoices.create_preview({"subscription": shop.id})
        by_customer = shop.v1.invoices.create_preview({"customer": shop.customer.id})

        assert told(by_subscription) == told(by_customer)
        assert [line.amount for line in by_customer.lines.data] == [*waiting, 3 * 2900]

    def test_what_recurs_is_shown_without_what_waits(self, shop: Shop) -> None:
        shop.change({"quantity": 3})

        preview = shop.v1.invoices.create_preview(
            {"subscription": shop.id, "preview_mode": "recurring"}
        )

        assert [line.amount for line in preview.lines.data] == [3 * 2900]

    def test_an_added_item_costs_what_is_left_of_its_period(self, shop: Shop) -> None:
        extra = new_price(shop.v1, shop.item.price, 3000)
        at = shop.simulator.now()
        preview = shop.v1.invoices.create_preview(
            {
                "subscription": shop.id,
                "subscription_details": {
                    "items": [{"price": extra.id}],
                    "proration_behavior": "always_invoice",
                    "proration_date": at,
                },
            }
        )

        length = shop.item.current_period_end - shop.item.current_period_start
        left = shop.item.current_period_end - at
        assert [line.amount for line in preview.lines.data] == [round(3000 * left / length)]

    def test_a_removed_item_is_credited(self, shop: Shop) -> None:
        extra = new_price(shop.v1, shop.item.price, 3000)
        shop.v1.subscriptions.update(shop.id, {"items": [{"price": extra.id}]})

        preview = shop.preview({"deleted": True}, proration_behavior="always_invoice")

        assert preview.lines.data[-1].amount < 0
        assert [line.quantity for line in preview.lines.data] == [1, 2]


class TestAnotherInterval:
    @pytest.mark.parametrize("proration", ["create_prorations", "always_invoice"])
    def test_begins_a_year_now_and_credits_the_month(self, shop: Shop, proration: str) -> None:
        yearly = new_price(shop.v1, shop.item.price, 29_000, "year")
        at = shop.simulator.now()
        how = {"proration_behavior": proration, "proration_date": at}
        preview = shop.preview({"price": yearly.id}, **how)

        changed = shop.change({"price": yearly.id}, **how)

        item = changed["items"].data[0]
        left = shop.item.current_period_end - at
        length = shop.item.current_period_end - shop.item.current_period_start
        credit = -round(2 * 2900 * left / length)
        billed = changed.latest_invoice
        assert item.current_period_start == changed.billing_cycle_anchor
        assert item.current_period_start - at in range(5)
        assert item.current_period_end - item.current_period_start >= 365 * DAY
        assert [line.amount for line in billed.lines.data] == [credit, 58_000]
        assert [line.amount for line in preview.lines.data] == [credit, 58_000]
        assert (billed.status, billed.amount_paid) == ("paid", 58_000 + credit)

    def test_without_prorations_still_charges_the_new_period(self, shop: Shop) -> None:
        yearly = new_price(shop.v1, shop.item.price, 29_000, "year")

        changed = shop.change({"price": yearly.id}, proration_behavior="none")

        assert [line.amount for line in changed.latest_invoice.lines.data] == [58_000]

    def test_back_to_the_month_leaves_credit_that_pays_later_invoices(self, shop: Shop) -> None:
        yearly = new_price(shop.v1, shop.item.price, 29_000, "year")
        shop.change({"price": yearly.id})
        shop.simulator.advance(10 * DAY)
        how = {"proration_behavior": "always_invoice", "proration_date": shop.simulator.now()}
        preview = shop.preview({"price": shop.item.price.id}, **how)

        changed = shop.change({"price": shop.item.price.id}, **how)

        billed = changed.latest_invoice
        assert billed.total == preview.total < 0
        assert (billed.status, billed.amount_due, billed.ending_balance) == (
            "paid",
            0,
            billed.total,
        )
        assert preview.ending_balance == billed.total
        assert shop.v1.customers.retrieve(shop.customer.id).balance == billed.total
        shop.simulator.advance(32 * DAY)
        renewal = shop.v1.invoices.list({"subscription": shop.id}).data[0]
        assert (renewal.total, renewal.amount_due, renewal.amount_paid) == (5800, 0, 0)
        assert renewal.starting_balance == billed.total
        assert renewal.ending_balance == billed.total + 5800


def test_the_anchor_can_be_moved_to_now(shop: Shop) -> None:
    changed = shop.v1.subscriptions.update(
        shop.id, {"billing_cycle_anchor": "now", "expand": ["latest_invoice"]}
    )

    first, second = changed.latest_invoice.lines.data
    assert first.amount < 0
    assert second.amount == 5800
    assert changed["items"].data[0].current_period_start == changed.billing_cycle_anchor


def test_a_decline_at_once_leaves_it_past_due_until_another_card_pays(shop: Shop) -> None:
    save_card(shop.v1, shop.customer, "pm_card_chargeCustomerFail")
    changed = shop.change({"quantity": 9}, proration_behavior="always_invoice")
    assert (changed.status, changed.latest_invoice.status) == ("past_due", "open")
    good = shop.v1.payment_methods.attach("pm_card_visa", {"customer": shop.customer.id})

    shop.v1.invoices.pay(changed.latest_invoice.id, {"payment_method": good.id})

    assert shop.v1.subscriptions.retrieve(shop.id).status == "active"


@pytest.mark.parametrize("seed", range(6))
def test_any_change_costs_what_its_preview_said_and_no_cent_is_lost(
    simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same changes every time
    prices = [price.id, *(new_price(v1, price, amount).id for amount in (333, 9999))]
    prices += [new_price(v1, price, amount, "year").id for amount in (29_000, 100_001)]
    v1.coupons.create({"id": "A", "percent_off": 33.3, "duration": "forever"})
    v1.coupons.create({"id": "B", "amount_off": 777, "currency": "usd", "duration": "once"})
    made = subscribe(
        v1,
        customer,
        price,
        billing_mode={"type": chance.choice(["flexible", "classic"])},
        discounts=chance.choice(["", [{"coupon": "A"}], [{"coupon": "A"}, {"coupon": "B"}]]),
    )
    for _ in range(6):
        simulator.advance(chance.randint(7200, 25 * DAY))
        item = v1.subscriptions.retrieve(made.id)["items"].data[0]
        wish = {"id": item.id, "quantity": chance.randint(1, 20), "price": chance.choice(prices)}
        how = {
            "items": [wish],
            "proration_behavior": chance.choice(["always_invoice", "create_prorations", "none"]),
            "proration_date": simulator.now(),
        }
        asked = {"subscription": made.id, "subscription_details": how}

        preview = v1.invoices.create_preview(asked)
        changed = v1.subscriptions.update(made.id, how)

        latest = v1.invoices.retrieve(changed.latest_invoice)
        if latest.billing_reason != "subscription_update" or latest.created < how["proration_date"]:
            simulator.advance(changed["items"].data[0].current_period_end - simulator.now() + 1)
            latest = v1.invoices.list({"subscription": made.id}).data[0]
        assert [line[:4] for line in told(latest)] == [line[:4] for line in told(preview)]
        assert (latest.subtotal, latest.total) == (preview.subtotal, preview.total)
    simulator.advance(7200)
    bills = v1.invoices.list({"subscription": made.id, "limit": 100}).data
    balance = v1.customers.retrieve(customer.id).balance
    assert sum(bill.total for bill in bills) == sum(bill.amount_paid for bill in bills) + balance
