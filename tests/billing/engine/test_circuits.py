"""The breaker of a provider account: it opens, lets a probe through, and counts outages."""

from datetime import datetime, timedelta

import pytest

from billing.engine.models import Circuit, Outage
from billing.services import circuits
from billing.services.circuits import Account
from tests.billing.builders import make_organization
from tests.billing.engine.engine_steps import START

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
PLATFORM = Account("cardconnect")


def fail(account: Account, times: int, start: datetime = START) -> datetime:
    """Let calls fail, a minute apart; return when the last one did."""
    for number in range(times):
        circuits.note_failure(account, now=start + number * MINUTE)
    return start + (times - 1) * MINUTE


class TestLook:
    def test_an_account_that_answers_may_be_called(self) -> None:
        gate = circuits.look(PLATFORM, now=START)

        assert (gate.is_open, gate.may_call) == (False, True)

    def test_some_failures_change_nothing(self) -> None:
        now = fail(PLATFORM, 4)

        assert circuits.look(PLATFORM, now=now).may_call
        assert not circuits.is_open(PLATFORM)

    def test_the_fifth_in_a_row_closes_the_door(self) -> None:
        now = fail(PLATFORM, 5)

        gate = circuits.look(PLATFORM, now=now)

        assert (gate.is_open, gate.may_call) == (True, False)
        assert gate.probe_at == now + 5 * MINUTE

    def test_of_all_who_ask_after_a_while_one_may_probe(self) -> None:
        now = fail(PLATFORM, 5) + 5 * MINUTE

        found = [circuits.look(PLATFORM, now=now).may_call for _ in range(3)]

        assert found == [True, False, False]

    def test_accounts_do_not_know_each_other(self) -> None:
        seller = Account("cardconnect", make_organization().pk)
        now = fail(seller, 5)

        assert circuits.look(PLATFORM, now=now).may_call
        assert not circuits.look(seller, now=now).may_call


class TestNoteAnswer:
    def test_failures_count_only_in_a_row(self) -> None:
        fail(PLATFORM, 4)
        circuits.note_answer(PLATFORM, now=START)
        fail(PLATFORM, 4)

        assert not circuits.is_open(PLATFORM)

    def test_one_answer_ends_the_outage(self) -> None:
        now = fail(PLATFORM, 5) + 10 * MINUTE

        circuits.note_answer(PLATFORM, now=now)

        assert circuits.look(PLATFORM, now=now).may_call
        outage = Outage.objects.get(circuit__provider="cardconnect", circuit__seller=None)
        assert (outage.began_at, outage.ended_at) == (START, now)

    def test_an_account_without_trouble_costs_no_row(self) -> None:
        circuits.note_answer(PLATFORM, now=START)

        assert not Circuit.objects.filter(provider="cardconnect", seller=None).exists()


class TestWatch:
    def test_an_outage_that_nobody_probes_is_over(self) -> None:
        now = fail(PLATFORM, 5)

        assert circuits.watch(now=now + 34 * MINUTE) == 1
        assert circuits.is_open(PLATFORM)
        circuits.watch(now=now + 36 * MINUTE)
        assert not circuits.is_open(PLATFORM)

    def test_after_that_the_next_failure_begins_another(self) -> None:
        now = fail(PLATFORM, 5) + 60 * MINUTE
        circuits.watch(now=now)

        circuits.note_failure(PLATFORM, now=now)

        assert circuits.is_open(PLATFORM)
        assert Outage.objects.filter(circuit__seller=None).count() == 2


class TestPaused:
    def test_only_what_overlaps_counts(self) -> None:
        now = fail(PLATFORM, 5)
        circuits.note_answer(PLATFORM, now=now + 6 * MINUTE)  # ten minutes in all
        fail(PLATFORM, 5, START + 60 * MINUTE)

        def paused(since: int, until: int) -> timedelta:
            return circuits.paused(
                PLATFORM, since=START + since * MINUTE, now=START + until * MINUTE
            )

        assert paused(-5, 30) == 10 * MINUTE
        assert paused(4, 30) == 6 * MINUTE
        assert paused(10, 30) == timedelta()
        assert paused(0, 75) == 25 * MINUTE

    def test_a_probe_goes_by_the_time_as_if_it_were_over(self) -> None:
        now = fail(PLATFORM, 5)

        found = circuits.paused(PLATFORM, since=START, now=now + MINUTE, counts_running=False)

        assert found == timedelta()
