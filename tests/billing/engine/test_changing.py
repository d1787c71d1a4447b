"""Changing at the engine: a quote is what is charged, and nothing changes before it is paid."""

from typing import Any

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.engine.models import CreditEntry, PendingLine
from billing.enums import AttemptState, InvoiceStatus, Proration, SubscriptionStatus
from billing.types import SubscriptionSnapshot
from tests.billing.engine.engine_steps import MONTHLY, Shop, new_key
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST

S = SubscriptionStatus
# The clock stands at half of a period of 28 days, so half of a price is left.
HALF = MONTHLY // 2


@pytest.fixture
def running(shop: Shop) -> SubscriptionSnapshot:
    """One seat, paid two weeks ago."""
    started = shop.start()
    shop.clock.turn(days=14)
    return started


def credit(shop: Shop) -> list[tuple[int, int]]:
    rows = CreditEntry.objects.filter(payer__external_id=shop.payer).order_by("number")
    return [(row.amount_minor, row.balance_minor) for row in rows]


class TestPreviewChange:
    @pytest.mark.parametrize(
        "wanted",
        [{"seats": 4}, {"plan": "max", "amount": 9900}, {"interval": "year", "amount": 29000}],
    )
    def test_is_what_is_charged(
        self, shop: Shop, running: SubscriptionSnapshot, wanted: dict[str, Any]
    ) -> None:
        seats = wanted.pop("seats", 1)
        price = shop.price(**wanted)
        spec = shop.change_of(running, seats=seats, external_price_id=price)
        preview = shop.driver.preview_change(spec)

        shop.clock.turn(seconds=40)
        changed = shop.change(
            running,
            seats=seats,
            external_price_id=price,
            proration_date=preview.proration_date,
        )

        assert preview.proration_date is not None
        assert (changed.seats, changed.external_price_id) == (seats, price)
        invoice = changed.latest_invoice
        assert invoice is not None
        assert invoice.total_minor == preview.total_minor == shop.rail.orders[-1].amount_minor
        assert [(line.description, line.amount_minor) for line in invoice.lines] == [
            (line.description, line.amount_minor) for line in preview.lines
        ]

    def test_three_more_seats_cost_half_of_three(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        preview = shop.driver.preview_change(shop.change_of(running, seats=4))

        assert [line.amount_minor for line in preview.lines] == [-HALF, 4 * HALF]
        assert preview.amount_due_minor == 3 * HALF

    def test_a_coupon_alone_shows_the_next_invoice(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        preview = shop.driver.preview_change(shop.change_of(running, coupon=shop.coupon()))

        assert (preview.total_minor, preview.discount_minor) == (2320, 580)

    def test_no_change_begins_before_the_period_that_is_due(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.clock.turn(days=20)

        with pytest.raises(DriverUnavailable) as caught:
            shop.driver.preview_change(shop.change_of(running, seats=2))

        assert caught.value.detail == "renewal_due"


class TestChangeSubscription:
    def test_a_declined_card_changes_nothing(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [DECLINED]

        asked = shop.change(running, seats=2)

        assert (asked.seats, asked.awaits_payment_of_change, asked.status) == (1, True, S.ACTIVE)
        assert asked.latest_payment is not None
        assert asked.latest_payment.state is AttemptState.FAILED

    def test_what_waits_takes_effect_once_it_is_paid(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [DECLINED]
        asked = shop.change(running, seats=2)
        shop.clock.turn(hours=1)

        shop.driver.pay_invoice(
            asked.latest_invoice_id, payment_method=shop.method, idempotency_key=new_key()
        )

        changed = shop.driver.retrieve_subscription(running.external_id)
        assert (changed.seats, changed.awaits_payment_of_change) == (2, False)
        assert shop.row(running).debit_minor == 2 * HALF

    def test_what_is_dropped_can_not_be_paid_any_more(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [DECLINED]
        asked = shop.change(running, seats=2)

        dropped = shop.driver.drop_unpaid_change(running.external_id, idempotency_key=new_key())

        assert (dropped.seats, dropped.awaits_payment_of_change) == (1, False)
        with pytest.raises(DriverRejected):
            shop.driver.pay_invoice(
                asked.latest_invoice_id, payment_method=shop.method, idempotency_key=new_key()
            )
        assert shop.rail.total == MONTHLY

    def test_an_unknown_one_shows_when_it_is_asked_for(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [LOST]
        key = new_key()
        with pytest.raises(OutcomeUnknown):
            shop.change(running, key=key, seats=2)

        found = shop.driver.retrieve_subscription(running.external_id)
        again = shop.change(running, key=key, seats=2)

        assert (found.seats, again) == (2, found)
        assert shop.rail.total == MONTHLY + HALF

    def test_an_unknown_one_is_not_dropped_before_it_is_decided(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers, shop.rail.can_say = [LOST], False
        with pytest.raises(OutcomeUnknown):
            shop.change(running, seats=2)

        for call in (shop.driver.drop_unpaid_change, shop.driver.cancel_subscription):
            with pytest.raises(OutcomeUnknown):
                call(running.external_id, idempotency_key=new_key())

        assert shop.row(running).pending_change is not None

    def test_one_that_provably_was_not_charged_leaves_nothing_behind(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [DOWN]
        with pytest.raises(DriverUnavailable):
            shop.change(running, seats=2)

        after = shop.driver.retrieve_subscription(running.external_id)

        assert (after.seats, after.awaits_payment_of_change) == (1, False)
        assert shop.invoices(running)[-1].status == InvoiceStatus.VOID
        assert shop.change(running, seats=2).seats == 2

    def test_one_that_is_found_not_to_have_been_charged_leaves_nothing_behind(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers, shop.rail.loses_requests = [LOST], True
        with pytest.raises(OutcomeUnknown):
            shop.change(running, seats=2)

        after = shop.driver.retrieve_subscription(running.external_id)

        assert (after.seats, after.awaits_payment_of_change) == (1, False)
        assert shop.invoices(running)[-1].status == InvoiceStatus.VOID
        assert shop.change(running, seats=2).seats == 2

    def test_a_credit_pays_what_comes_later(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        smaller = shop.change(running, external_price_id=shop.price(900, plan="mini"))

        assert len(shop.rail.orders) == 1
        assert smaller.latest_invoice is not None
        assert (smaller.latest_invoice.total_minor, smaller.latest_invoice.status) == (
            -1000,
            "paid",
        )
        assert credit(shop) == [(1000, 1000)]
        renewal = shop.driver.preview_renewal(running.external_id)
        assert renewal is not None
        assert (renewal.total_minor, renewal.amount_due_minor) == (900, 0)

    def test_credit_that_a_dropped_change_had_used_is_given_back(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.change(running, external_price_id=shop.price(900, plan="mini"))
        shop.rail.answers = [DECLINED]
        shop.change(running, external_price_id=shop.price(9900, plan="max"))

        shop.driver.drop_unpaid_change(running.external_id, idempotency_key=new_key())

        assert credit(shop) == [(1000, 1000), (-1000, 0), (1000, 1000)]

    def test_what_is_put_on_the_next_invoice_is_on_it_once(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        changed = shop.change(running, seats=3, proration=Proration.NEXT_INVOICE)
        preview = shop.driver.preview_renewal(running.external_id)
        first = shop.at_period_end(running)
        second = shop.at_period_end(running)

        assert (changed.seats, len(shop.rail.orders)) == (3, 3)
        assert preview is not None
        assert first.snapshot.latest_invoice is not None
        assert first.snapshot.latest_invoice.total_minor == preview.total_minor
        assert preview.total_minor == 3 * MONTHLY + 2 * HALF
        assert second.snapshot.latest_invoice is not None
        assert second.snapshot.latest_invoice.total_minor == 3 * MONTHLY

    def test_the_same_key_puts_nothing_there_twice(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        key = new_key()
        for _ in range(2):
            shop.change(running, key=key, seats=3, proration=Proration.NEXT_INVOICE)

        assert PendingLine.objects.filter(organization=shop.organization).count() == 2

    def test_a_coupon_replaces_the_one_before(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        shop.change(running, coupon=shop.coupon())

        changed = shop.change(running, coupon=shop.coupon("TEN", "forever", percent_off="10"))

        assert [discount.coupon for discount in changed.discounts] == ["TEN"]
        assert len(shop.rail.orders) == 1

    def test_a_coupon_that_holds_once_is_seen_until_the_next_invoice(self, shop: Shop) -> None:
        started = shop.start(
            coupon=shop.coupon("ONCE", "once", amount_off_minor=900, currency="USD")
        )

        renewed = shop.at_period_end(started).snapshot

        assert [discount.coupon for discount in started.discounts] == ["ONCE"]
        assert renewed.discounts == ()
        assert [order.amount_minor for order in shop.rail.orders] == [2000, 2900]

    def test_who_pays_by_invoice_has_it_at_once(self, by_hand: Shop) -> None:
        started = by_hand.start()
        by_hand.clock.turn(days=14)

        changed = by_hand.change(started, seats=2)

        assert (changed.seats, changed.awaits_payment_of_change) == (2, False)
        assert changed.latest_invoice is not None
        assert changed.latest_invoice.status == InvoiceStatus.OPEN
        assert changed.latest_invoice.amount_due_minor == HALF
