"""Storing an event over a connection that broke while nobody looked, and waking the worker."""

import threading
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from billing import jobs
from billing.enums import Provider
from billing.models import InboxEvent
from billing.services import inbox
from billing.types import VerifiedWebhook

EVENT = VerifiedWebhook("evt_1", "customer.subscription.updated", '{"id": "evt_1"}')


def _receive() -> bool:
    return inbox.receive_event(provider=Provider.STRIPE, account=None, webhook=EVENT, trace_id="")


def _break_connection() -> None:
    connection.ensure_connection()
    info = connection.connection.info
    with psycopg.connect(info.dsn, password=info.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [info.backend_pid])


def _receive_in_transaction() -> None:
    with transaction.atomic():
        _break_connection()
        _receive()


@pytest.mark.django_db(transaction=True)
class TestABrokenConnection:
    def test_costs_a_second_try_and_no_event(self) -> None:
        _break_connection()

        assert _receive() is True
        assert InboxEvent.objects.count() == 1

    def test_is_the_callers_trouble_inside_a_transaction(self) -> None:
        with pytest.raises(OperationalError):
            _receive_in_transaction()

        assert InboxEvent.objects.count() == 0


class TestWakingAfterABurst:
    def test_asks_at_least_once_after_the_last_event_and_seldom(self) -> None:
        asked = threading.Semaphore(0)
        count = 0

        def wake() -> bool:
            nonlocal count
            count += 1
            asked.release()
            return True

        burst: Any = jobs._Burst(wake)
        for _ in range(1000):
            burst.ask()

        assert asked.acquire(timeout=5)
        assert count < 100
        while asked.acquire(timeout=0.2):
            pass
        burst.ask()
        assert asked.acquire(timeout=5)

    def test_goes_on_after_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        asked = threading.Semaphore(0)

        errors = [RuntimeError("unforeseen")]

        def wake() -> bool:
            asked.release()
            if errors:
                raise errors.pop()
            return True

        burst: Any = jobs._Burst(wake)
        burst.ask()
        assert asked.acquire(timeout=5)
        burst.ask()

        assert asked.acquire(timeout=5)
        assert "job.not_queued" in caplog.text
