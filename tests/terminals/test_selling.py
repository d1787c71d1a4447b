"""A basket, a reader, a card: what a till asks for, and what it is told."""

from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, ReaderBusy, ReaderOffline
from billing.enums import ObligationState
from billing.errors import PaymentNotPossible, TerminalBusy, TerminalOffline
from orgs.errors import Conflict, DomainError, InvalidRequest, NotFound
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.selectors import payments as selectors
from terminals.services import payments
from tests.terminals.till_steps import BASKET, REQUEST, Till, more_till

pytestmark = pytest.mark.django_db


class TestApproved:
    def test_is_paid_once_and_told(self, till: Till) -> None:
        payment = till.sell(reference="B1", started_by="Till 1")

        assert payment.status == "succeeded"
        assert (payment.authorized_minor, payment.captured_minor) == (BASKET, BASKET)
        assert payment.obligation.state == ObligationState.SETTLED
        assert payment.obligation.external_payment_id == payment.external_id != ""
        assert not payment.holds_reader
        assert payment.card["last4"] == "4242"
        assert till.told(payment) == ["started", "succeeded"]
        assert [sale.captured_minor for sale in till.charged()] == [BASKET]

    def test_with_a_tip(self, till: Till) -> None:
        till.bank.tip_minor = 200

        payment = till.sell(asks_for_tip=True)

        assert (payment.amount_minor, payment.tip_minor) == (BASKET, 200)
        assert payment.captured_minor == BASKET + 200

    def test_is_authorized_and_captured_later(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        assert payment.status == "requires_capture"
        assert payment.obligation.state == ObligationState.OPEN
        assert payment.capture_before is not None
        assert till.told(payment) == ["started", "authorized"]


class TestDeclined:
    def test_can_be_tried_again(self, till: Till) -> None:
        payment = till.sell("decline")

        assert (payment.status, payment.decline_code) == ("declined", "insufficient_funds")
        assert not payment.holds_reader
        assert payment.obligation.state == ObligationState.OPEN

        till.process(payment)
        till.present(payment)

        assert till.again(payment).status == "succeeded"
        assert till.again(payment).decline_code == ""
        assert till.told(payment) == ["started", "declined", "started", "succeeded"]
        assert len(till.charged()) == 1

    def test_by_the_person_at_the_reader(self, waiting: Till) -> None:
        payment = waiting.sell("cancel")

        assert payment.status == "canceled"
        assert payment.obligation.state == ObligationState.VOID
        assert waiting.told(payment) == ["started", "canceled"]


class TestRefused:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("amount_minor", 0),
            ("amount_minor", -5),
            ("amount_minor", 100_000_000),
            ("currency", "EUR"),
            ("capture_method", "later"),
            ("reference", "x" * 101),
            ("metadata", {"till_payment": "x"}),
            ("metadata", {"a": "x" * 501}),
        ],
    )
    def test_what_can_not_be_changes_nothing(self, till: Till, field: str, value: Any) -> None:
        with pytest.raises(InvalidRequest) as caught:
            till.open(**{field: value})

        assert list(caught.value.fields) == [field.removesuffix("_minor")]
        assert TerminalPayment.objects.count() == 0
        assert "run_sale" not in till.bank.calls

    def test_a_reader_of_somebody_else(self, till: Till, other_org: Organization) -> None:
        with pytest.raises(NotFound):
            payments.open_payment(
                organization=other_org, request=till.request(), cause=REQUEST, now=till.now
            )

    def test_a_payment_of_somebody_else(self, till: Till, other_org: Organization) -> None:
        payment = till.sell(capture_method="manual")
        stranger = Till(other_org, till.provider, till.terminal, till.now)

        for call in (stranger.process, stranger.cancel, stranger.capture, stranger.refund):
            with pytest.raises(NotFound):
                call(payment)
        assert till.again(payment).status == "requires_capture"

    def test_the_same_reference_while_one_is_open(self, till: Till) -> None:
        first = till.open(reference="B1")

        with pytest.raises(Conflict) as caught:
            till.open(reference="B1", process=False)

        assert caught.value.fields == {"payment_id": [str(first.pk)]}
        assert TerminalPayment.objects.count() == 1

    def test_the_same_reference_once_it_is_over(self, till: Till) -> None:
        till.sell(reference="B1")

        assert till.sell(reference="B1").status == "succeeded"

    def test_a_declined_one_while_its_reference_is_open_elsewhere(self, till: Till) -> None:
        declined = till.sell("decline", reference="B1")
        till.open(reference="B1", process=False)

        with pytest.raises(Conflict):
            till.process(declined)

    def test_what_is_paid_is_not_started_again(self, till: Till) -> None:
        payment = till.sell()

        with pytest.raises(PaymentNotPossible):
            till.process(payment)
        assert till.bank.calls.count("run_sale") == 1


class TestBusy:
    def test_says_who_holds_the_reader(self, till: Till) -> None:
        holder = till.open(reference="B1", started_by="Till 1")

        with pytest.raises(TerminalBusy) as caught:
            till.open(reference="B2")

        since = holder.held_since
        assert since is not None
        assert caught.value.fields == {
            "payment_id": [str(holder.pk)],
            "reference": ["B1"],
            "started_by": ["Till 1"],
            "since": [since.isoformat()],
        }
        assert TerminalPayment.objects.count() == 1

    def test_one_that_waits_may_not_start_either(self, till: Till) -> None:
        waits = till.open(process=False)
        till.open()

        with pytest.raises(TerminalBusy):
            till.process(waits)
        assert till.again(waits).status == "requires_terminal"

    def test_another_reader_is_free(self, till: Till) -> None:
        till.open()
        other = more_till(till.organization, till.provider, till.now, "R2")

        assert other.open().status == "in_progress"

    @pytest.mark.parametrize(
        ("error", "refusal", "code"),
        [
            (ReaderBusy("API_ERROR", detail="reader_busy"), TerminalBusy, "reader_busy"),
            (
                ReaderOffline("API_ERROR", detail="reader_offline"),
                TerminalOffline,
                "reader_offline",
            ),
            (DriverUnavailable("API_ERROR", detail="refused"), DomainError, "refused"),
        ],
        ids=["busy", "offline", "down"],
    )
    def test_a_reader_that_can_not_start_is_free_again(
        self, till: Till, error: DriverUnavailable, refusal: type[DomainError], code: str
    ) -> None:
        payment = till.open(process=False)
        till.bank.acts.append(error)

        if till.is_blocking:
            till.process(payment)
            (told,) = till.work()
            assert isinstance(told, refusal)
        else:
            with pytest.raises(refusal):
                till.process(payment)

        after = till.again(payment)
        assert (after.status, after.decline_code) == ("requires_terminal", code)
        assert not after.holds_reader
        assert till.told(payment)[-1] == "not_started"
        till.process(payment)
        till.present(payment)
        assert till.again(payment).status == "succeeded"


class TestAgain:
    def test_the_same_key_opens_once(self, till: Till) -> None:
        first = till.open(request_key="k1", reference="B1")
        second = till.open(request_key="k1", reference="B1")

        assert first == second
        assert TerminalPayment.objects.count() == 1

    def test_processing_twice_starts_once(self, till: Till) -> None:
        payment = till.open(process=False)
        till.process(payment)
        till.process(payment)
        till.work()

        assert till.bank.calls.count("run_sale") == 1

    def test_a_till_that_drives_its_reader_gets_a_secret_again(self, told: Till) -> None:
        def opened() -> payments.Opened:
            return payments.open_payment(
                organization=told.organization,
                request=told.request(process=False, request_key="k1"),
                cause=REQUEST,
                now=told.now,
            )

        first, second = opened(), opened()

        assert first.client_secret == second.client_secret != ""
        assert first.client_secret not in repr(first)
        assert told.bank.calls.count("open_sale") == 1
        assert told.tries(first.payment) == ["requires_action"]

    def test_what_could_not_be_prepared_is_prepared_by_the_same_key(self, told: Till) -> None:
        told.bank.write_errors.append(DriverUnavailable("API_ERROR"))
        with pytest.raises(DomainError):
            told.open(process=False, request_key="k1")

        payment = told.open(process=False, request_key="k1")

        assert payment.external_id != ""
        assert told.tries(payment) == ["not_processed", "requires_action"]


class TestDrivenByTheTill:
    def test_is_paid_when_an_event_says_so(self, told: Till) -> None:
        payment = told.open(process=False)
        told.driver.hold_card(payment.external_id)
        told.tell(payment)

        assert told.again(payment).status == "succeeded"
        assert told.tries(payment) == ["succeeded"]

    def test_is_sent_to_the_reader_by_us_after_all(self, told: Till) -> None:
        payment = told.open(process=False)
        told.process(payment)

        assert told.tries(payment) == ["canceled", "sent"]
        assert told.again(payment).status == "in_progress"
        told.present(payment)
        assert told.again(payment).status == "succeeded"
        assert len(told.bank.sales) == 1

    def test_a_declined_card_may_be_followed_by_another(self, told: Till) -> None:
        payment = told.open(process=False)
        told.driver.hold_card(payment.external_id, "decline")
        told.tell(payment)
        assert told.again(payment).status == "declined"

        told.driver.hold_card(payment.external_id)
        told.tell(payment)

        assert told.again(payment).status == "succeeded"
        assert told.again(payment).obligation.state == ObligationState.SETTLED


class TestFinding:
    def test_by_reference_and_reader(self, till: Till) -> None:
        till_2 = more_till(till.organization, till.provider, till.now, "R2")
        till_2.sell(reference="B2")
        payment = till.open(reference="B1")

        def found(**by: Any) -> list[TerminalPayment]:
            return list(selectors.list_payments(till.organization, **by))

        assert found(status="open") == [payment]
        assert found(reference="B1", terminal_id=till.terminal.pk) == [payment]
        assert found(reference="B1", terminal_id=till_2.terminal.pk) == []
        assert found(status="succeeded", reference="B2")

    def test_not_by_others(self, till: Till, other_org: Organization) -> None:
        till.open(reference="B1")

        assert not selectors.list_payments(other_org, reference="B1")
