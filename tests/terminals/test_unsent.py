"""Tries that nobody started, and readers that are held: begun once more, or let go."""

from datetime import timedelta

import pytest

from billing.errors import PaymentPending
from billing.services import resolve
from terminals.services import processing, releasing, running, sweeping
from tests.terminals.till_steps import REQUEST, Till

pytestmark = pytest.mark.django_db


class TestUnsent:
    """A job that was lost, and a process that died before it called anybody."""

    def test_a_lost_job_is_queued_again(
        self, waiting: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = waiting.open()
        queued: list[object] = []
        monkeypatch.setattr("terminals.jobs.queue_sale", queued.append)

        assert sweeping.queue_waiting(now=waiting.now) == 0
        assert sweeping.queue_waiting(now=waiting.now + timedelta(seconds=15)) == 1

        assert queued == [waiting.attempt(payment).pk]

    def test_what_nobody_started_lets_go_of_its_reader(self, waiting: Till) -> None:
        payment = waiting.open()

        resolve.resolve_due(now=waiting.now + timedelta(seconds=200))

        after = waiting.again(payment)
        assert (after.status, after.holds_reader) == ("requires_terminal", False)
        assert waiting.told(payment)[-1] == "not_started"
        waiting.work()
        assert "run_sale" not in waiting.bank.calls

    def test_a_till_that_asks_again_starts_what_nobody_started(
        self, told: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = told.open(process=False)
        with monkeypatch.context() as dying:
            dying.setattr(processing, "start", lambda **_: None)
            told.process(payment)
        assert "run_sale" not in told.bank.calls

        told.process(payment)
        told.process(payment)

        assert told.bank.calls.count("run_sale") == 1

    def test_so_does_the_same_key(self, told: Till, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as dying:
            dying.setattr(processing, "start", lambda **_: None)
            told.open(request_key="k1")

        told.open(request_key="k1")
        told.open(request_key="k1")

        assert told.bank.calls.count("run_sale") == 1

    def test_what_nobody_started_at_once_lets_go_of_its_reader(
        self, told: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processing, "start", lambda **_: None)
        payment = told.open()

        told.settle_down(200)

        after = told.again(payment)
        assert (after.status, after.holds_reader) == ("requires_terminal", False)

    def test_run_twice_starts_once(self, waiting: Till) -> None:
        payment = waiting.open()
        attempt = waiting.attempt(payment)
        for _ in range(2):
            running.run(attempt_id=attempt.pk, cause=REQUEST, now=waiting.now)

        assert waiting.bank.calls.count("run_sale") == 1
        assert running.run(attempt_id=payment.pk, cause=REQUEST, now=waiting.now) is None


class TestReleasing:
    def release(self, till: Till) -> object:
        return releasing.release_terminal(
            organization=till.organization,
            terminal_id=till.terminal.pk,
            by="staff",
            cause=REQUEST,
            now=till.now,
        )

    def test_nothing_holds_it(self, till: Till) -> None:
        till.sell()

        assert self.release(till) is None

    def test_what_was_never_sent(self, waiting: Till) -> None:
        payment = waiting.open()

        self.release(waiting)

        after = waiting.again(payment)
        assert (after.status, after.holds_reader) == ("requires_terminal", False)
        assert waiting.told(payment)[-1] == "released"
        waiting.work()
        assert "run_sale" not in waiting.bank.calls

    def test_what_is_not_known_keeps_it(self, waiting: Till) -> None:
        payment = waiting.sell("lost_before")

        with pytest.raises(PaymentPending) as caught:
            self.release(waiting)

        assert caught.value.retry_after is not None
        assert waiting.again(payment).holds_reader

    def test_what_can_be_known_is_asked_for(self, waiting: Till) -> None:
        payment = waiting.sell("lost_after")

        self.release(waiting)

        assert waiting.again(payment).status == "succeeded"

    def test_a_lock_that_was_left_behind(self, waiting: Till) -> None:
        payment = waiting.sell()
        payment.holds_reader, payment.held_since = True, waiting.now
        payment.save()

        self.release(waiting)

        assert not waiting.again(payment).holds_reader
        assert waiting.open().status == "in_progress"
        assert processing.is_blocking("cardconnect")
