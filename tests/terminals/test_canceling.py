"""A till that gives up: before the card, after it, and in between. Nothing is kept of it."""

from datetime import timedelta

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.enums import AttemptState, ObligationState
from billing.errors import PaymentNotPossible, PaymentPending
from billing.models import Case
from billing.services import late_winners
from terminals.services import forgotten, running
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import BASKET, REQUEST, Till

pytestmark = pytest.mark.django_db


class TestBeforeTheCard:
    def test_that_was_never_started(self, till: Till) -> None:
        payment = till.open(process=False)

        assert till.cancel(payment).status == "canceled"
        assert till.again(payment).obligation.state == ObligationState.VOID
        assert till.charged() == []
        with pytest.raises(PaymentNotPossible):
            till.process(payment)

    def test_that_waits_for_a_worker(self, waiting: Till) -> None:
        payment = waiting.open()

        assert waiting.cancel(payment).status == "canceled"
        waiting.work()

        assert "run_sale" not in waiting.bank.calls
        assert waiting.tries(payment) == ["canceled"]
        assert waiting.open().status == "in_progress"

    def test_at_a_reader_that_is_waited_for(self, waiting: Till) -> None:
        payment = waiting.open()
        seen: list[str] = []
        waiting.bank.acts.append(lambda: seen.append(waiting.cancel(payment).status))

        waiting.work()

        assert seen == ["in_progress"]
        assert waiting.bank.calls.count("stop_sale") == 1
        assert waiting.again(payment).status == "canceled"
        assert waiting.charged() == []

    def test_at_a_reader_that_was_told(self, told: Till) -> None:
        payment = told.open()

        assert told.cancel(payment).status == "canceled"
        assert told.tries(payment) == ["canceled"]
        assert not told.again(payment).holds_reader
        assert [sale.state for sale in told.bank.sales.values()] == ["canceled"]

    def test_driven_by_the_till_itself(self, told: Till) -> None:
        payment = told.open(process=False)

        assert told.cancel(payment).status == "canceled"
        assert [sale.state for sale in told.bank.sales.values()] == ["canceled"]

    def test_twice(self, till: Till) -> None:
        payment = till.open(process=False)
        till.cancel(payment)

        assert till.cancel(payment).status == "canceled"
        assert till.told(payment).count("canceled") == 1

    def test_a_declined_one(self, till: Till) -> None:
        payment = till.sell("decline")

        assert till.cancel(payment).status == "canceled"
        assert till.again(payment).obligation.state == ObligationState.VOID

    def test_a_provider_that_does_not_answer_is_asked_again(self, told: Till) -> None:
        payment = told.open()
        told.bank.write_errors.append(DriverUnavailable("API_ERROR"))

        assert told.cancel(payment).status == "in_progress"
        told.sweep()

        assert told.again(payment).status == "canceled"


class TestAfterTheCard:
    def test_an_authorization_is_voided(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        assert till.cancel(payment).status == "canceled"
        assert till.again(payment).obligation.state == ObligationState.VOID
        assert till.charged() == []
        assert till.cases() == []

    def test_a_void_whose_answer_is_lost_is_asked_for(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        till.bank.write_errors.append(LOST)
        till.bank.loses_answers = True

        assert till.cancel(payment).status == "requires_capture"
        with pytest.raises(PaymentNotPossible):
            till.capture(payment)
        till.sweep()

        assert till.again(payment).status == "canceled"
        assert till.charged() == []

    def test_what_is_paid_is_given_back_instead(self, till: Till) -> None:
        payment = till.sell()

        with pytest.raises(PaymentNotPossible):
            till.cancel(payment)
        assert till.again(payment).cancel_requested_at is None


class TestInBetween:
    """The till cancels, and the card is approved all the same."""

    @pytest.mark.parametrize("method", ["manual", "automatic"])
    def test_the_reader_did_not_hear_it(self, waiting: Till, method: str) -> None:
        payment = waiting.open(capture_method=method)

        def cancel() -> None:
            waiting.cancel(payment)
            waiting.bank.stopped.clear()  # too late: the card is being authorized

        waiting.bank.acts.append(cancel)
        waiting.work()
        assert waiting.again(payment).status == "in_progress"
        assert waiting.again(payment).holds_reader is False

        waiting.sweep()

        after = waiting.again(payment)
        assert (after.status, after.obligation.state) == ("canceled", ObligationState.VOID)
        assert waiting.charged() == []
        assert after.refunded_minor == after.captured_minor
        voids = waiting.bank.calls.count("void_sale")
        assert voids == (1 if method == "manual" else 0)  # what was taken has to have a refund
        assert "succeeded" not in waiting.told(payment)
        assert waiting.cases() == []

    def test_a_job_ends_it_as_soon_as_it_is_known(
        self, waiting: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queued: list[object] = []
        monkeypatch.setattr("terminals.jobs.queue_cancel", queued.append)
        payment = waiting.open()

        def cancel() -> None:
            waiting.cancel(payment)
            waiting.bank.stopped.clear()

        waiting.bank.acts.append(cancel)
        waiting.work()

        assert queued == [payment.pk]

    def test_the_card_was_faster(self, told: Till) -> None:
        payment = told.open()
        told.driver.hold_card(payment.external_id)

        assert told.cancel(payment).status == "canceled"
        assert told.charged() == []
        assert told.again(payment).refunded_minor == BASKET

    def test_an_event_brings_the_approval(self, told: Till) -> None:
        payment = told.open()
        told.driver.hold_card(payment.external_id)
        told.bank.write_errors.append(DriverUnavailable("API_ERROR"))
        told.cancel(payment)

        told.tell(payment)
        assert told.again(payment).status == "in_progress"
        told.sweep()

        assert told.again(payment).status == "canceled"
        assert told.charged() == []

    def test_what_can_not_be_given_back_is_paid_and_a_case(self, told: Till) -> None:
        payment = told.open()
        told.driver.hold_card(payment.external_id)
        told.bank.write_errors += [
            DriverRejected("INVALID_REQUEST", detail="captured"),
            DriverRejected("INVALID_REQUEST", detail="too_old"),
        ]

        assert told.cancel(payment).status == "succeeded"
        assert told.cases() == ["open"]
        assert told.again(payment).obligation.state == ObligationState.SETTLED

        case = Case.objects.get()
        late_winners.refund_late_winner(case=case, cause=REQUEST, now=told.now)
        case.refresh_from_db()
        assert case.state == "resolved"
        assert told.charged() == []

    def test_a_lost_answer_to_a_canceled_one(self, waiting: Till) -> None:
        payment = waiting.open()

        def cancel() -> None:
            waiting.cancel(payment)
            waiting.bank.stopped.clear()

        waiting.bank.acts += [cancel, "lost_after"]
        waiting.work()
        assert waiting.again(payment).status == "unknown"

        waiting.settle_down(60)

        assert waiting.again(payment).status == "canceled"
        assert waiting.charged() == []


class TestForgotten:
    def test_is_voided_before_it_expires(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        expires = payment.capture_before
        assert expires is not None

        assert forgotten.void_forgotten(now=expires - timedelta(hours=2)) == 0
        assert till.again(payment).status == "requires_capture"
        assert forgotten.void_forgotten(now=expires - timedelta(minutes=30)) == 1

        assert till.again(payment).status == "canceled"
        assert till.charged() == []

    def test_not_while_it_is_being_captured(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        till.bank.write_errors.append(LOST)
        till.capture(payment)
        assert payment.capture_before is not None

        assert forgotten.void_forgotten(now=payment.capture_before) == 0

        assert till.again(payment).cancel_requested_at is None


def test_a_capture_that_is_undecided_comes_first(till: Till) -> None:
    payment = till.sell(capture_method="manual")
    till.bank.write_errors.append(LOST)
    till.capture(payment)

    with pytest.raises(PaymentPending):
        till.cancel(payment)


def test_a_canceled_try_is_never_sent(waiting: Till) -> None:
    payment = waiting.open()
    attempt = waiting.attempt(payment)
    waiting.cancel(payment)

    assert running.run(attempt_id=attempt.pk, cause=REQUEST, now=waiting.now) is None
    assert waiting.attempt(payment).state == AttemptState.CANCELED
