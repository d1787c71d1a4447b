"""What happens at once at the engine: one charge, one invoice a period, numbers without gaps."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from billing.drivers.base import DriverError
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.numbering import missing
from billing.engine.rails import ChargeOrder, ChargeResult
from tests.billing.engine.engine_steps import MONTHLY, Clock, Shop, new_key, open_shop
from tests.billing.engine.scripted_rail import DECLINED, ScriptedDriver, ScriptedRail
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


class WaitingRail(ScriptedRail):
    """A gateway that answers only once somebody else had the time to try the same."""

    def __init__(self) -> None:
        super().__init__()
        self.others_tried = threading.Event()
        self.others_tried.set()

    def charge(self, order: ChargeOrder) -> ChargeResult:
        result = super().charge(order)
        assert self.others_tried.wait(10)
        return result


@pytest.fixture
def shop(clock: Clock, transactional_db: None) -> Iterator[Shop]:
    rail = WaitingRail()
    yield open_shop(ScriptedDriver(rail), clock)
    rail.others_tried.set()


class TestOneChargeAtATime:
    def test_two_who_pay_the_same_invoice(self, shop: Shop) -> None:
        running = shop.start()
        shop.rail.answers = [DECLINED]
        invoice = shop.at_period_end(running).external_invoice_id

        answers = at_once(
            *[
                lambda: shop.driver.pay_invoice(
                    invoice, payment_method="", idempotency_key=new_key()
                )
                for _ in range(4)
            ]
        )

        assert shop.rail.total == 2 * MONTHLY
        assert any(not isinstance(answer, DriverError) for answer in answers)

    def test_one_who_pays_while_another_charge_is_under_way(self, shop: Shop) -> None:
        rail = shop.rail
        assert isinstance(rail, WaitingRail)
        running = shop.start()
        rail.answers = [DECLINED]
        invoice = shop.at_period_end(running).external_invoice_id
        rail.can_say = False
        rail.others_tried.clear()

        def second() -> Any:
            while len(rail.orders) < 3:
                threading.Event().wait(0.01)
            try:
                return shop.driver.settle_by_hand(
                    invoice, amount_minor=MONTHLY, reference="ZB-1", idempotency_key=new_key()
                )
            finally:
                rail.others_tried.set()

        paid, refused = at_once(
            lambda: shop.driver.pay_invoice(invoice, payment_method="", idempotency_key=new_key()),
            second,
        )

        assert paid.status == "paid"
        assert isinstance(refused, DriverError)
        assert EngineInvoice.objects.get(external_id=invoice).paid_by_hand_minor == 0

    def test_two_runners_bill_a_period_once(self, shop: Shop) -> None:
        running = shop.start()
        shop.clock.now = shop.row(running).current_period_end

        at_once(*[lambda: shop.advance(running) for _ in range(4)])

        assert [row.billing_reason for row in shop.invoices(running)] == [
            "subscription_create",
            "subscription_cycle",
        ]
        assert shop.rail.total == 2 * MONTHLY

    def test_two_starts_of_the_same_subscription(self, shop: Shop) -> None:
        spec = shop.spec()

        at_once(
            *[
                lambda: shop.driver.create_subscription(spec, idempotency_key=new_key())
                for _ in range(3)
            ]
        )

        assert EngineSubscription.objects.filter(our_id=spec.our_id).count() == 1
        assert shop.rail.total == MONTHLY

    def test_two_refunds_never_give_back_more_than_was_taken(self, shop: Shop) -> None:
        running = shop.start()
        payment = shop.invoices(running)[0].payment_id

        at_once(
            *[
                lambda: shop.driver.refund_payment(
                    payment,
                    amount_minor=MONTHLY,
                    reason="duplicate",
                    reference=new_key()[4:22],
                    idempotency_key=new_key(),
                )
                for _ in range(3)
            ]
        )

        assert sum(order.amount_minor for order in shop.rail.refunds) == MONTHLY


def test_numbers_have_no_gaps_whoever_takes_them_at_once(shop: Shop, clock: Clock) -> None:
    shops = [open_shop(ScriptedDriver(), clock) for _ in range(6)]

    at_once(*[each.start for each in shops])

    numbers = EngineInvoice.objects.filter(seller=None).values_list("number", flat=True)
    assert len(set(numbers)) == len(numbers) >= 6
    assert missing(numbers) == {}
