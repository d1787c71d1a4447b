"""Answers that are lost: never declined, never paid, never sent again; only asked for."""

import pytest

from billing.drivers.base import DriverUnavailable
from billing.errors import PaymentPending
from billing.models import PaymentAttempt
from billing.services import projection, settlement
from terminals.selectors import payments
from terminals.services import asking, concluding, rows, running
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import BASKET, REQUEST, Till

pytestmark = pytest.mark.django_db


def seconds_until_decided(till: Till, payment: object, longest: int = 600) -> int:
    """Let the sweeps go on, and say after how long the payment was decided."""
    row = payment
    for passed in range(0, longest, 5):
        till.sweep()
        if till.again(row).status not in ("unknown", "in_progress"):  # type: ignore[arg-type]
            return passed
        till.wait(5)
    raise AssertionError("still not decided")


class TestWaitedFor:
    def test_what_was_approved_is_found_within_a_minute(self, waiting: Till) -> None:
        payment = waiting.sell("lost_after")
        assert payment.status == "unknown"
        assert payment.holds_reader
        assert payments.resolve_after(payment) is not None

        assert seconds_until_decided(waiting, payment) <= 60

        after = waiting.again(payment)
        assert (after.status, after.captured_minor) == ("succeeded", BASKET)
        assert waiting.told(payment) == ["started", "unknown", "succeeded"]
        assert payments.resolve_after(after) is None
        assert not after.holds_reader

    def test_what_is_absent_is_so_only_after_205_seconds(self, waiting: Till) -> None:
        payment = waiting.sell("lost_before")
        sent_at = waiting.attempt(payment).sent_at
        assert sent_at is not None

        seconds_until_decided(waiting, payment)

        passed = (waiting.now - sent_at).total_seconds()
        assert 205 <= passed <= 205 + 60
        after = waiting.again(payment)
        assert (after.status, after.holds_reader) == ("requires_terminal", False)
        assert waiting.tries(payment) == ["not_processed"]
        waiting.process(payment)
        waiting.present(payment)
        assert len(waiting.charged()) == 1

    def test_is_never_sent_again_meanwhile(self, waiting: Till) -> None:
        payment = waiting.sell("lost_before")

        with pytest.raises(PaymentPending):
            waiting.process(payment)
        waiting.settle_down(100)
        waiting.work()

        assert waiting.bank.calls.count("run_sale") == 1
        assert waiting.again(payment).status == "unknown"

    def test_the_reader_stays_held(self, waiting: Till) -> None:
        waiting.sell("lost_before", reference="B1")

        with pytest.raises(Exception, match="taking another payment"):
            waiting.open(reference="B2")

    def test_a_worker_that_died_is_noticed(self, waiting: Till) -> None:
        payment = waiting.open()
        attempt = waiting.attempt(payment)
        settlement.mark_sent(
            attempt=attempt, now=waiting.now, resolve_after_s=running.BLOCKING_RESOLVE_AFTER_S
        )
        waiting.settle_down(200)
        assert waiting.again(payment).status == "in_progress"
        assert "find_sale" not in waiting.bank.calls

        waiting.settle_down(60)

        assert waiting.again(payment).status == "requires_terminal"

    def test_one_that_waits_is_not_disturbed(self, waiting: Till) -> None:
        payment = waiting.open()
        seen: list[str] = []

        def look() -> None:
            asking.ask_now(
                organization=waiting.organization,
                payment_id=payment.pk,
                cause=REQUEST,
                now=waiting.now,
            )
            seen.append(waiting.attempt(payment).state)

        waiting.bank.acts.append(look)
        waiting.work()

        assert seen == ["sent"]
        assert waiting.again(payment).status == "succeeded"

    def test_somebody_who_waits_is_told_at_once(self, waiting: Till) -> None:
        payment = waiting.sell("lost_after")

        now = asking.ask_now(
            organization=waiting.organization, payment_id=payment.pk, cause=REQUEST, now=waiting.now
        )

        assert now.status == "succeeded"

    def test_a_provider_that_does_not_answer(self, waiting: Till) -> None:
        payment = waiting.sell("lost_after")
        waiting.bank.finds += [DriverUnavailable("API_ERROR"), LOST, DriverUnavailable("API_ERROR")]

        assert seconds_until_decided(waiting, payment) <= 120
        assert waiting.again(payment).status == "succeeded"


class TestTold:
    def test_a_lost_answer_that_had_arrived(self, told: Till) -> None:
        told.bank.acts.append("lost_after")
        payment = told.open()
        assert payment.status == "unknown"

        told.wait(6)
        told.sweep()
        assert told.again(payment).status == "in_progress"
        told.present(payment)

        assert told.again(payment).status == "succeeded"
        assert told.told(payment) == ["started", "unknown", "succeeded"]

    def test_a_lost_request(self, told: Till) -> None:
        told.bank.acts.append("lost_before")
        payment = told.open()

        seconds_until_decided(told, payment)

        sent_at = told.attempt(payment).sent_at
        assert sent_at is not None
        assert 90 <= (told.now - sent_at).total_seconds() <= 150
        assert told.again(payment).status == "requires_terminal"
        told.process(payment)
        told.present(payment)
        assert len(told.charged()) == 1

    def test_an_older_answer_does_not_free_the_reader(self, told: Till) -> None:
        payment = told.open(process=False)
        fetched_at = projection.database_now()
        older = told.bank.sales[payment.external_id].snapshot()
        told.process(payment)

        after = concluding.conclude(
            attempt=told.attempt(payment),
            snapshot=older,
            fetched_at=fetched_at,
            cause=REQUEST,
            now=told.now,
        )

        assert older.state == "requires_terminal"
        assert (after.status, after.holds_reader) == ("in_progress", True)

    def test_an_older_answer_changes_nothing(self, told: Till) -> None:
        payment = told.open()
        fetched_at = projection.database_now()
        older = told.bank.sales[payment.external_id].snapshot()
        told.present(payment, "decline")

        concluding.conclude(
            attempt=told.attempt(payment),
            snapshot=older,
            fetched_at=fetched_at,
            cause=REQUEST,
            now=told.now,
        )

        assert told.again(payment).status == "declined"

    def test_an_approval_is_never_taken_back(self, told: Till) -> None:
        payment = told.open()
        older = told.bank.sales[payment.external_id].snapshot()
        told.present(payment)

        concluding.conclude(
            attempt=told.attempt(payment),
            snapshot=older,
            fetched_at=projection.database_now(),
            cause=REQUEST,
            now=told.now,
        )

        assert told.again(payment).status == "succeeded"

    def test_the_decline_before_is_not_taken_for_one_of_this_try(self, told: Till) -> None:
        payment = told.sell("decline")
        told.bank.acts.append(lambda: told.tell(payment))  # while the reader is being started
        told.process(payment)

        assert told.again(payment).status == "in_progress"
        assert told.tries(payment) == ["failed", "sent"]
        told.present(payment, "decline")
        assert told.again(payment).status == "declined"
        assert told.told(payment) == ["started", "declined", "started", "declined"]

    def test_a_lost_start_after_a_decline_is_not_declined_again(self, told: Till) -> None:
        payment = told.sell("decline")
        told.bank.acts.append("lost_before")
        told.process(payment)

        told.settle_down(80)
        assert told.again(payment).status == "unknown"
        told.settle_down(60)

        assert told.again(payment).status == "declined"
        assert not told.again(payment).holds_reader

    def test_a_reader_that_gave_up_is_free_as_soon_as_that_is_known(self, told: Till) -> None:
        payment = told.open()
        told.bank.sales[payment.external_id].state = "requires_terminal"

        told.tell(payment)

        after = told.again(payment)
        assert (after.status, after.holds_reader) == ("requires_terminal", False)
        assert told.tries(payment) == ["not_processed"]

    def test_without_events_it_is_known_within_a_minute(self, told: Till) -> None:
        payment = told.open()
        told.driver.hold_card(payment.external_id)

        assert seconds_until_decided(told, payment) <= 30

    def test_the_same_news_twice_is_told_once(self, told: Till) -> None:
        payment = told.sell()
        told.tell(payment)

        assert told.told(payment) == ["started", "succeeded"]


def test_the_word_about_a_payment_finds_its_try(told: Till) -> None:
    payment = told.open(process=False)
    told.process(payment)
    attempt = rows.attempt_about(told.again(payment))

    assert attempt is not None
    assert attempt.number == 2
    assert PaymentAttempt.objects.filter(obligation=payment.obligation_id).count() == 2
