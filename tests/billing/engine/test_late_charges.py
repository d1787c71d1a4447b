"""A process that stood still while it charged, and was taken for dead: nothing it took is lost."""

import contextvars
import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.drivers.base import DriverError, DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.engine import charging, late_answers
from billing.engine.models import EngineInvoice, LateCharge
from billing.engine.models.invoices import ChargeState
from billing.engine.rails import LEAVE_WITHIN, ChargeOrder, ChargeResult
from billing.enums import AttemptState, CaseKind, InvoiceStatus, RefundStatus
from billing.models import Case, PaymentAttempt
from billing.types import RefundSnapshot
from orgs import references
from tests.billing.engine.engine_steps import MONTHLY, Clock, Shop, new_key, open_shop
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST, ScriptedDriver, ScriptedRail

pytestmark = pytest.mark.django_db(transaction=True)


def nothing() -> None:
    """Stand still for no time."""


@dataclasses.dataclass
class SlowRail(ScriptedRail):
    """Its requests may be on their way for long: `meanwhile` happens before they arrive."""

    meanwhile: Callable[[], None] = nothing

    def charge(self, order: ChargeOrder) -> ChargeResult:
        call, self.meanwhile = self.meanwhile, nothing
        contextvars.Context().run(call)  # it is somebody else who does that
        self.orders.append(order)
        answer = self.answers.pop(0) if self.answers else None
        if answer is LOST:
            self._take(order)
        if isinstance(answer, DriverError):
            raise answer
        return answer or self._take(order)


@pytest.fixture
def shop(clock: Clock, transactional_db: None) -> Shop:
    return open_shop(ScriptedDriver(SlowRail()), clock)


def unpaid(shop: Shop) -> EngineInvoice:
    """Have a renewal that was declined."""
    running = shop.start()
    shop.rail.answers = [DECLINED]
    name = shop.at_period_end(running).external_invoice_id
    return EngineInvoice.objects.get(external_id=name)


def pay(shop: Shop, invoice: EngineInvoice) -> None:
    shop.driver.pay_invoice(invoice.external_id, payment_method="", idempotency_key=new_key())


def take_for_dead(shop: Shop, invoice: EngineInvoice) -> None:
    """Let time pass, and have somebody ask, who is told that there is no charge."""
    shop.clock.turn(seconds=61)
    fresh = EngineInvoice.objects.select_related("attempt__obligation").get(pk=invoice.pk)
    charging.resolve(shop.rail, fresh, now=shop.clock.now)
    assert read(invoice).charge_state == ChargeState.NOT_PROCESSED


def read(invoice: EngineInvoice) -> EngineInvoice:
    return EngineInvoice.objects.select_related("attempt").get(pk=invoice.pk)


def slow(shop: Shop, meanwhile: Callable[[], None]) -> None:
    assert isinstance(shop.rail, SlowRail)
    shop.rail.meanwhile = meanwhile


def lose_after_all(shop: Shop) -> EngineInvoice:
    """Have a charge taken for absent while it is on its way, and its answer lost."""
    invoice = unpaid(shop)
    shop.rail.answers = [LOST]
    slow(shop, lambda: take_for_dead(shop, invoice))
    with pytest.raises(OutcomeUnknown):
        pay(shop, invoice)
    return invoice


def ask(shop: Shop) -> int:
    shop.clock.turn(seconds=61)
    return late_answers.ask_due(shop.rail, provider="cardconnect", now=shop.clock.now)


def give_back(shop: Shop, name: str, amount_minor: int) -> RefundSnapshot:
    return shop.driver.refund_payment(
        name,
        amount_minor=amount_minor,
        reason="duplicate",
        reference=references.new_reference(),
        idempotency_key=new_key(),
    )


class TestLeaving:
    def test_what_was_written_down_too_long_ago_never_leaves(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        invoice = unpaid(shop)
        sent, before = charging.send, len(shop.rail.orders)

        def stand_still(*given: object, **more: object) -> EngineInvoice:
            shop.clock.now += LEAVE_WITHIN + timedelta(seconds=1)
            return sent(*given, **more)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(charging, "send", stand_still)

        with pytest.raises(DriverUnavailable) as caught:
            pay(shop, invoice)

        assert caught.value.detail == "too_late"
        assert len(shop.rail.orders) == before
        assert read(invoice).charge_state == ChargeState.NOT_PROCESSED

    def test_rails_are_told_until_when(self, shop: Shop) -> None:
        shop.start()

        [order] = shop.rail.orders
        assert order.leave_by == shop.clock.now + LEAVE_WITHIN

    def test_a_charge_is_as_old_as_it_is_not_as_the_work_that_led_to_it(self, shop: Shop) -> None:
        invoice = unpaid(shop)
        began = shop.clock.now
        shop.clock.turn(seconds=30)
        shop.rail.answers = [LOST]
        charge = charging.Charge(shop.method, by_payer=True, key=new_key())

        with pytest.raises(OutcomeUnknown):
            charging.collect(shop.rail, invoice.pk, charge, now=began)

        after = read(invoice)
        assert after.charge_sent_at == shop.clock.now
        assert after.attempt is not None
        assert after.attempt.sent_at == shop.clock.now


class TestTakenForAbsent:
    def test_is_undecided_again_when_its_answer_is_lost(self, shop: Shop) -> None:
        invoice = lose_after_all(shop)

        after = read(invoice)
        assert after.charge_state == ChargeState.UNKNOWN
        assert after.charge_sent_at == shop.clock.now
        assert after.attempt is not None
        assert after.attempt.state == AttemptState.UNKNOWN
        shop.rail.can_say = False
        with pytest.raises(DriverError):  # it is asked about first, and pays then
            pay(shop, invoice)
        shop.rail.can_say = True
        pay(shop, invoice)
        assert read(invoice).status == InvoiceStatus.PAID
        assert shop.rail.total == 2 * MONTHLY

    def test_is_looked_at_again_by_itself(self, shop: Shop) -> None:
        invoice = lose_after_all(shop)

        row = read(invoice).subscription
        assert row is not None
        assert row.next_action_at == shop.clock.now + timedelta(seconds=60)

    def test_pays_when_its_answer_comes_after_all(self, shop: Shop) -> None:
        invoice = unpaid(shop)
        slow(shop, lambda: take_for_dead(shop, invoice))

        pay(shop, invoice)

        assert read(invoice).status == InvoiceStatus.PAID

    def test_stays_absent_when_it_provably_was(self, shop: Shop) -> None:
        invoice = unpaid(shop)
        shop.rail.answers = [DOWN]
        slow(shop, lambda: take_for_dead(shop, invoice))

        with pytest.raises(DriverUnavailable):
            pay(shop, invoice)

        assert read(invoice).charge_state == ChargeState.NOT_PROCESSED


class TestOvertaken:
    """Something else was tried before the answer was lost."""

    @pytest.fixture
    def invoice(self, shop: Shop) -> EngineInvoice:
        """An invoice that was paid by another charge while the first one stood still."""
        invoice = unpaid(shop)

        def others() -> None:
            take_for_dead(shop, invoice)
            shop.rail.answers = []
            pay(shop, invoice)
            shop.rail.answers = [LOST]

        slow(shop, others)
        with pytest.raises(OutcomeUnknown):
            pay(shop, invoice)
        return invoice

    def test_it_is_found_by_asking_and_taken_back(self, shop: Shop, invoice: EngineInvoice) -> None:
        late = LateCharge.objects.get(invoice=invoice)
        taken = shop.rail.taken[late.attempt.our_reference].external_id

        assert ask(shop) == 1

        assert shop.rail.voided == [taken]
        assert read(invoice).status == InvoiceStatus.PAID
        assert LateCharge.objects.get(invoice=invoice).ask_at is None
        assert ask(shop) == 0

    def test_what_can_not_be_taken_back_is_a_case(self, shop: Shop, invoice: EngineInvoice) -> None:
        shop.rail.can_void = False

        ask(shop)

        assert Case.objects.filter(kind=CaseKind.LATE_WINNER).count() == 1

    def test_what_can_not_be_taken_back_can_be_refunded_once(
        self, shop: Shop, invoice: EngineInvoice
    ) -> None:
        shop.rail.can_void = False
        ask(shop)
        late = LateCharge.objects.get(invoice=invoice)
        taken = shop.rail.taken[late.attempt.our_reference].external_id
        name = Case.objects.get(kind=CaseKind.LATE_WINNER).external_payment_id

        assert shop.driver.retrieve_payment(name).captured_minor == late.amount_minor
        refunded = give_back(shop, name, late.amount_minor)
        with pytest.raises(DriverRejected):
            give_back(shop, name, 1)

        assert refunded.status == RefundStatus.SUCCEEDED
        assert refunded.credit_note is None
        assert [order.charge_id for order in shop.rail.refunds] == [taken]
        own = shop.driver.retrieve_payment(read(invoice).payment_id)
        assert (own.captured_minor, own.refunds) == (invoice.amount_due_minor, ())

    def test_it_is_asked_about_until_somebody_answers(
        self, shop: Shop, invoice: EngineInvoice
    ) -> None:
        shop.rail.can_say = False
        assert ask(shop) == 0
        shop.rail.can_say = True

        assert ask(shop) == 1
        assert len(shop.rail.voided) == 1

    def test_one_that_never_arrived_is_left_alone(self, shop: Shop, invoice: EngineInvoice) -> None:
        shop.rail.taken = {
            name: result
            for name, result in shop.rail.taken.items()
            if not LateCharge.objects.filter(attempt__our_reference=name).exists()
        }

        assert ask(shop) == 1
        assert shop.rail.voided == []

    def test_only_one_try_of_the_debt_is_live(self, shop: Shop, invoice: EngineInvoice) -> None:
        states = PaymentAttempt.objects.filter(
            obligation__invoice_external_id=invoice.external_id
        ).values_list("state", flat=True)

        assert AttemptState.UNKNOWN not in set(states)
