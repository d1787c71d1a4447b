"""Waiting for the reader: told at once when it is over, and no connection is held meanwhile."""

import threading
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections

from terminals.services import waiting as waits
from tests.terminals.till_steps import Till

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["sync", "async"])
def wait(request: pytest.FixtureRequest) -> Any:
    if request.param == "sync":
        return waits.wait_for_payment
    return async_to_sync(waits.wait_for_payment_async)


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


def test_is_told_once_it_is_over(waiting: Till, wait: Any, asleep: list[bool]) -> None:
    payment = waiting.open()

    def later() -> None:
        try:
            waiting.present(payment)
        finally:
            connections.close_all()

    timer = threading.Timer(0.3, later)
    timer.start()
    got = wait(organization=waiting.organization, payment_id=payment.pk, seconds=10)
    timer.join()

    assert got.status == "succeeded"
    assert len(asleep) >= 2
    assert not any(asleep)


def test_time_runs_out(waiting: Till, wait: Any, asleep: list[bool]) -> None:
    payment = waiting.open()

    got = wait(organization=waiting.organization, payment_id=payment.pk, seconds=0.2)

    assert got.status == "in_progress"
    assert not any(asleep)


def test_no_time_at_all(waiting: Till, wait: Any) -> None:
    payment = waiting.open()

    got = wait(organization=waiting.organization, payment_id=payment.pk, seconds=0)

    assert got.status == "in_progress"
