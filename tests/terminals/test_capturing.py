"""Taking what was authorized, in full or in part, once."""

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.enums import ObligationState
from billing.errors import (
    NothingToRefund,
    PaymentNotPossible,
    PaymentPending,
    ProviderFailed,
    ProviderRefused,
    RefundRefused,
)
from orgs.errors import InvalidRequest
from terminals.models import TerminalPayment
from terminals.selectors import payments
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import BASKET, Till

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(till: Till) -> TerminalPayment:
    """A payment that is authorized."""
    return till.sell(capture_method="manual")


class TestCapture:
    def test_in_full(self, till: Till, held: TerminalPayment) -> None:
        after = till.capture(held)

        assert (after.status, after.captured_minor) == ("succeeded", BASKET)
        assert till.again(held).obligation.state == ObligationState.SETTLED
        assert till.told(held) == ["started", "authorized", "captured"]

    def test_in_part(self, till: Till, held: TerminalPayment) -> None:
        after = till.capture(held, 1000)

        assert (after.captured_minor, after.authorized_minor) == (1000, BASKET)
        assert [sale.captured_minor for sale in till.charged()] == [1000]

    def test_twice_is_once(self, till: Till, held: TerminalPayment) -> None:
        till.capture(held, 1000)

        assert till.capture(held, 1000).captured_minor == 1000
        assert till.capture(held).captured_minor == 1000
        assert till.bank.calls.count("capture_sale") == 1

    def test_another_amount_afterwards(self, till: Till, held: TerminalPayment) -> None:
        till.capture(held, 1000)

        with pytest.raises(PaymentNotPossible):
            till.capture(held, 1100)
        assert till.again(held).captured_minor == 1000

    @pytest.mark.parametrize("amount", [0, -1, BASKET + 1])
    def test_an_amount_that_can_not_be(
        self, till: Till, held: TerminalPayment, amount: int
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            till.capture(held, amount)

        assert list(caught.value.fields) == ["amount"]
        assert "capture_sale" not in till.bank.calls

    def test_what_is_not_authorized(self, till: Till) -> None:
        payment = till.open()

        with pytest.raises(PaymentNotPossible):
            till.capture(payment)

    def test_a_lost_answer_is_asked_for(self, till: Till, held: TerminalPayment) -> None:
        till.bank.write_errors.append(LOST)
        till.bank.loses_answers = True

        after = till.capture(held, 1000)
        assert after.status == "requires_capture"
        assert payments.resolve_after(after) is not None
        with pytest.raises(PaymentPending):
            till.capture(held, 1000)
        till.wait(10)
        till.sweep()

        after = till.again(held)
        assert (after.status, after.captured_minor) == ("succeeded", 1000)
        assert till.tries(held) == ["succeeded", "succeeded"]
        assert payments.resolve_after(after) is None

    def test_a_lost_request_is_tried_again_by_the_till(
        self, till: Till, held: TerminalPayment
    ) -> None:
        till.bank.write_errors.append(LOST)
        till.capture(held)

        till.settle_down(80)
        assert till.tries(held) == ["succeeded", "unknown"]
        till.settle_down(60)
        assert till.tries(held) == ["succeeded", "not_processed"]
        assert till.again(held).status == "requires_capture"

        assert till.capture(held).status == "succeeded"

    def test_a_provider_that_is_down(self, till: Till, held: TerminalPayment) -> None:
        till.bank.write_errors.append(DriverUnavailable("API_ERROR"))

        with pytest.raises(ProviderFailed):
            till.capture(held)

        assert till.capture(held).status == "succeeded"

    def test_what_expired_meanwhile(self, till: Till, held: TerminalPayment) -> None:
        for sale in till.bank.sales.values():
            sale.state = "canceled"

        with pytest.raises(ProviderRefused):
            till.capture(held)

        after = till.again(held)
        assert (after.status, after.obligation.state) == ("canceled", ObligationState.VOID)

    def test_that_was_made_elsewhere_is_taken_over(self, told: Till) -> None:
        payment = told.sell(capture_method="manual")
        sale = told.bank.sales[payment.external_id]
        sale.state, sale.captured_minor = "succeeded", 700

        told.tell(payment)

        assert told.again(payment).status == "succeeded"
        assert told.again(payment).captured_minor == 700


class TestRefund:
    def test_in_full(self, till: Till) -> None:
        payment = till.sell()

        debt = till.refund(payment)

        assert debt.state == ObligationState.SETTLED
        assert till.again(payment).refunded_minor == BASKET
        assert till.charged() == []
        assert till.told(payment)[-1] == "refunded"
        assert till.again(payment).status == "succeeded"

    def test_in_parts_up_to_what_was_captured(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        till.capture(payment, 1000)
        till.refund(payment, 400)
        till.refund(payment, 500)

        with pytest.raises(InvalidRequest) as caught:
            till.refund(payment, 101)
        assert list(caught.value.fields) == ["amount"]
        till.refund(payment, 100)
        with pytest.raises(NothingToRefund):
            till.refund(payment)

        assert till.again(payment).refunded_minor == 1000
        assert till.told(payment).count("refunded") == 3

    @pytest.mark.parametrize("amount", [0, -1, BASKET + 1])
    def test_an_amount_that_can_not_be(self, till: Till, amount: int) -> None:
        payment = till.sell()

        with pytest.raises(InvalidRequest):
            till.refund(payment, amount)
        assert till.again(payment).refunded_minor == 0

    def test_what_was_not_captured(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        with pytest.raises(PaymentNotPossible):
            till.refund(payment)

    def test_the_same_key_gives_back_once(self, till: Till) -> None:
        payment = till.sell()

        first = till.refund(payment, 500, request_key="r1")
        second = till.refund(payment, 500, request_key="r1")

        assert first == second
        assert till.again(payment).refunded_minor == 500
        assert till.bank.calls.count("refund_payment") == 1

    def test_a_lost_answer_is_asked_for(self, till: Till) -> None:
        payment = till.sell()
        till.bank.write_errors.append(LOST)
        till.bank.loses_answers = True
        debt = till.refund(payment, 500)
        assert debt.state == ObligationState.OPEN

        till.settle_down(60)

        debt.refresh_from_db()
        assert debt.state == ObligationState.SETTLED
        assert till.bank.calls.count("refund_payment") == 1

    def test_that_the_provider_refuses(self, till: Till) -> None:
        payment = till.sell()
        till.bank.write_errors.append(DriverRejected("INVALID_REQUEST", detail="no"))

        with pytest.raises(RefundRefused):
            till.refund(payment)
        assert till.again(payment).refunded_minor == 0


@pytest.mark.django_db(transaction=True)
class TestInStep:
    """What was given back without us, or was learned later, shows on the payment."""

    def test_a_lost_answer_that_was_found(self, waiting: Till) -> None:
        payment = waiting.sell()
        waiting.bank.write_errors.append(LOST)
        waiting.bank.loses_answers = True
        waiting.refund(payment, 500)
        assert waiting.again(payment).refunded_minor == 0

        waiting.settle_down(60)

        assert waiting.again(payment).refunded_minor == 500
        assert waiting.told(payment)[-1] == "refunded"
