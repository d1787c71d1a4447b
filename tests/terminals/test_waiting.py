"""Waiting for the reader: told at once when it is over, and no connection is held meanwhile."""

import threading

import pytest
from django.db import connection, connections

from terminals.services import waiting as waits
from tests.terminals.till_steps import Till

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Say for each sleep whether a connection was held, and sleep shortly."""
    held: list[bool] = []
    monkeypatch.setattr(waits, "_PAUSE_S", 0.05)
    plain = waits._let_go

    def let_go() -> None:
        plain()
        held.append(connection.connection is not None)

    monkeypatch.setattr(waits, "_let_go", let_go)
    return held


def test_is_told_once_it_is_over(waiting: Till, asleep: list[bool]) -> None:
    payment = waiting.open()

    def later() -> None:
        try:
            waiting.present(payment)
        finally:
            connections.close_all()

    timer = threading.Timer(0.3, later)
    timer.start()
    got = waits.wait_for_payment(
        organization=waiting.organization, payment_id=payment.pk, seconds=10
    )
    timer.join()

    assert got.status == "succeeded"
    assert len(asleep) >= 2
    assert not any(asleep)


def test_time_runs_out(waiting: Till, asleep: list[bool]) -> None:
    payment = waiting.open()

    got = waits.wait_for_payment(
        organization=waiting.organization, payment_id=payment.pk, seconds=0.2
    )

    assert got.status == "in_progress"
    assert not any(asleep)


def test_no_time_at_all(waiting: Till) -> None:
    payment = waiting.open()

    got = waits.wait_for_payment(
        organization=waiting.organization, payment_id=payment.pk, seconds=0
    )

    assert got.status == "in_progress"
