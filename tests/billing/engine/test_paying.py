"""One winner per debt: paying now, by hand, too late, and giving money back."""

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.engine import charging
from billing.engine.models import EngineInvoice, EngineRefund
from billing.engine.rails import ChargeResult, RefundResult
from billing.enums import AttemptKind, AttemptState, CaseKind, InvoiceStatus, SubscriptionStatus
from billing.models import Case, PaymentAttempt
from billing.types import InvoiceSnapshot, RefundSnapshot, SubscriptionSnapshot
from tests.billing.builders import make_subscription
from tests.billing.engine.engine_steps import MONTHLY, Shop, new_key
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST


@pytest.fixture
def overdue(shop: Shop) -> SubscriptionSnapshot:
    """A renewal that was declined."""
    running = shop.start()
    shop.rail.answers = [DECLINED]
    return shop.at_period_end(running).snapshot


def pay(shop: Shop, overdue: SubscriptionSnapshot, key: str = "") -> InvoiceSnapshot:
    return shop.driver.pay_invoice(
        overdue.latest_invoice_id, payment_method="", idempotency_key=key or new_key()
    )


def mark(
    shop: Shop, invoice: str, amount: int = MONTHLY, reference: str = "ZB-1"
) -> InvoiceSnapshot:
    return shop.driver.settle_by_hand(
        invoice, amount_minor=amount, reference=reference, idempotency_key=new_key()
    )


def status_of(shop: Shop, running: SubscriptionSnapshot) -> str:
    return shop.row(running).status


class TestPayInvoice:
    def test_with_the_payer_at_hand_it_runs_again(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        paid = pay(shop, overdue)

        assert (paid.status, paid.amount_paid_minor) == (InvoiceStatus.PAID, MONTHLY)
        assert shop.rail.orders[-1].initiator == "payer"
        assert status_of(shop, overdue) == SubscriptionStatus.ACTIVE

    def test_a_decline_is_told_again_to_the_same_key(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers = [DECLINED]
        key = new_key()
        for _ in range(2):
            with pytest.raises(DriverRejected) as caught:
                pay(shop, overdue, key)
            assert (caught.value.code, caught.value.decline_code) == (
                "CARD_DECLINED",
                "insufficient_funds",
            )

        assert len(shop.rail.orders) == 3

    def test_nobody_pays_beside_a_charge_that_is_undecided(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers, shop.rail.can_say = [LOST], False
        key = new_key()
        with pytest.raises(OutcomeUnknown):
            pay(shop, overdue, key)

        with pytest.raises(OutcomeUnknown):
            pay(shop, overdue, key)
        with pytest.raises(DriverUnavailable):
            pay(shop, overdue)
        with pytest.raises(OutcomeUnknown):
            mark(shop, overdue.latest_invoice_id)
        with pytest.raises(OutcomeUnknown):
            shop.driver.write_off_invoice(overdue.latest_invoice_id, idempotency_key=new_key())

        assert len(shop.rail.orders) == 3

    def test_where_nobody_moves_money_it_is_refused(self, by_hand: Shop) -> None:
        with pytest.raises(DriverRejected) as caught:
            pay(by_hand, by_hand.start())

        assert caught.value.detail == "no_automatic_collection"


def test_an_undecided_charge_of_a_service_keeps_everybody_else_away(shop: Shop) -> None:
    ours = make_subscription(shop.organization)
    type(ours).objects.filter(pk=ours.pk).update(provider=shop.driver.name)
    PaymentAttempt.objects.filter(organization=shop.organization).update(provider=shop.driver.name)
    key = PaymentAttempt.objects.get(organization=shop.organization).idempotency_key
    shop.rail.answers = [LOST]
    with pytest.raises(OutcomeUnknown):
        shop.start(key=key, our_id=str(ours.pk))
    invoice = EngineInvoice.objects.get(organization=shop.organization)

    with pytest.raises(DriverUnavailable):
        charging.collect(
            shop.rail, invoice.pk, charging.Charge(shop.method, by_payer=True), now=shop.clock.now
        )

    assert len(shop.rail.orders) == 1


class TestSettleByHand:
    def test_parts_add_up_and_each_is_a_try(self, by_hand: Shop) -> None:
        invoice = by_hand.start().latest_invoice_id

        part = mark(by_hand, invoice, 1000, "ZB-1")
        again = mark(by_hand, invoice, 1000, "ZB-1")
        rest = mark(by_hand, invoice, MONTHLY - 1000, "ZB-2")

        assert (part.status, part.amount_remaining_minor) == (InvoiceStatus.OPEN, MONTHLY - 1000)
        assert again == part
        assert (rest.status, rest.paid_elsewhere_minor) == (InvoiceStatus.PAID, MONTHLY)
        attempts = PaymentAttempt.objects.filter(organization=by_hand.organization)
        assert sorted((row.kind, row.state, row.external_id) for row in attempts) == [
            (AttemptKind.MANUAL, AttemptState.SUCCEEDED, "ZB-1"),
            (AttemptKind.MANUAL, AttemptState.SUCCEEDED, "ZB-2"),
        ]
        assert {row.obligation.state for row in attempts} == {"settled"}

    def test_a_transfer_pays_what_a_card_could_not(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        mark(shop, overdue.latest_invoice_id)

        assert status_of(shop, overdue) == SubscriptionStatus.ACTIVE
        assert pay(shop, overdue).status == InvoiceStatus.PAID
        assert len(shop.rail.orders) == 2

    def test_it_pays_a_start_that_waits_for_its_payer(self, shop: Shop) -> None:
        waiting = shop.start(payment_method="")

        mark(shop, waiting.latest_invoice_id)

        assert status_of(shop, waiting) == SubscriptionStatus.ACTIVE


class TestLateSuccesses:
    def settled_meanwhile(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> tuple[EngineInvoice, PaymentAttempt]:
        """Have a charge counted as never made, and its invoice paid by hand."""
        shop.rail.answers, shop.rail.loses_requests = [LOST], True
        with pytest.raises(OutcomeUnknown):
            pay(shop, overdue)
        shop.driver.retrieve_subscription(overdue.external_id)
        invoice = EngineInvoice.objects.get(external_id=overdue.latest_invoice_id)
        assert invoice.charge_state == "not_processed"
        assert invoice.attempt is not None
        mark(shop, invoice.external_id)
        return invoice, invoice.attempt

    def conclude(self, shop: Shop, invoice: EngineInvoice, attempt: PaymentAttempt) -> None:
        late = ChargeResult("succeeded", "retlate")
        charging.conclude(shop.rail, invoice.pk, attempt, late, now=shop.clock.now)

    def test_are_taken_back(self, shop: Shop, overdue: SubscriptionSnapshot) -> None:
        self.conclude(shop, *self.settled_meanwhile(shop, overdue))

        assert shop.rail.voided == ["retlate"]
        assert not Case.objects.filter(organization=shop.organization).exists()

    def test_are_a_case_where_they_can_not_be(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        shop.rail.can_void = False
        invoice, attempt = self.settled_meanwhile(shop, overdue)

        for _ in range(2):
            self.conclude(shop, invoice, attempt)

        case = Case.objects.get(organization=shop.organization)
        assert (case.kind, case.external_id) == (
            CaseKind.LATE_WINNER,
            f"cc_pay_{attempt.our_reference}",
        )
        invoice.refresh_from_db()
        assert invoice.amount_paid_minor == MONTHLY

    def test_of_an_invoice_that_is_still_open_pay_it(
        self, shop: Shop, overdue: SubscriptionSnapshot
    ) -> None:
        shop.rail.answers, shop.rail.loses_requests = [LOST], True
        with pytest.raises(OutcomeUnknown):
            pay(shop, overdue)
        shop.driver.retrieve_subscription(overdue.external_id)
        invoice = EngineInvoice.objects.get(external_id=overdue.latest_invoice_id)
        assert invoice.attempt is not None

        self.conclude(shop, invoice, invoice.attempt)

        assert shop.rail.voided == []
        invoice.refresh_from_db()
        assert (invoice.status, invoice.charge_external_id) == (InvoiceStatus.PAID, "retlate")
        assert status_of(shop, overdue) == SubscriptionStatus.ACTIVE


class TestRefundPayment:
    def refund(self, shop: Shop, amount: int, key: str = "") -> RefundSnapshot:
        return shop.driver.refund_payment(
            self.payment(shop),
            amount_minor=amount,
            reason="requested_by_customer",
            reference=new_key()[4:22],
            idempotency_key=key or new_key(),
        )

    def payment(self, shop: Shop) -> str:
        row = EngineInvoice.objects.filter(organization=shop.organization).first()
        assert row is not None
        return row.payment_id

    def test_never_more_than_was_taken(self, shop: Shop) -> None:
        shop.start()
        self.refund(shop, 2000)

        with pytest.raises(DriverRejected):
            self.refund(shop, 901)
        self.refund(shop, 900)

        assert sum(order.amount_minor for order in shop.rail.refunds) == MONTHLY
        assert shop.driver.retrieve_payment(self.payment(shop)).refundable_minor == 0

    def test_the_same_key_gives_it_back_once(self, shop: Shop) -> None:
        shop.start()
        key = new_key()

        first, second = self.refund(shop, 500, key), self.refund(shop, 500, key)

        assert first == second
        assert len(shop.rail.refunds) == 1

    def test_an_unknown_one_counts_until_it_is_decided(self, shop: Shop) -> None:
        shop.start()
        shop.rail.refund_answers, shop.rail.can_say = [LOST], False
        with pytest.raises(OutcomeUnknown):
            self.refund(shop, MONTHLY)

        with pytest.raises(DriverRejected):
            self.refund(shop, 1)
        with pytest.raises(DriverUnavailable):
            shop.driver.retrieve_payment(self.payment(shop))
        shop.rail.can_say = True

        found = shop.driver.retrieve_payment(self.payment(shop))
        assert [refund.status for refund in found.refunds] == ["succeeded"]

    def test_one_that_provably_did_not_happen_frees_its_amount(self, shop: Shop) -> None:
        shop.start()
        shop.rail.refund_answers = [DOWN]
        with pytest.raises(DriverUnavailable):
            self.refund(shop, MONTHLY)

        assert self.refund(shop, MONTHLY).status == "succeeded"
        assert EngineRefund.objects.filter(organization=shop.organization).count() == 2

    def test_a_refusal_is_told(self, shop: Shop) -> None:
        shop.start()
        shop.rail.refund_answers = [RefundResult("failed", error_code="not_settled")]

        with pytest.raises(DriverRejected) as caught:
            self.refund(shop, 100)

        assert caught.value.detail == "not_settled"
