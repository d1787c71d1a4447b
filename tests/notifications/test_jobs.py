import contextlib
import time
import uuid
from typing import Any

import celery
import pytest
from django.core import mail
from django.db import transaction
from kombu.exceptions import OperationalError

from notifications import jobs, tasks
from notifications.models import Message, MessageState
from tests.factories_messages import MessageFactory


class TestSendDelivery:
    def test_names_the_task_and_passes_the_id_as_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[Any] = []
        monkeypatch.setattr(
            celery.current_app, "send_task", lambda name, **options: calls.append((name, options))
        )
        message_id = uuid.uuid4()

        assert jobs.send_deliveries([message_id])
        assert calls == [
            (
                "notifications.deliver_messages",
                {"kwargs": {"message_ids": [str(message_id)]}, "retry": False},
            )
        ]

    @pytest.mark.parametrize("error", [OperationalError("down"), ConnectionRefusedError()])
    def test_never_fails_its_caller(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: Any
    ) -> None:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise error

        monkeypatch.setattr(celery.current_app, "send_task", fail)

        assert not jobs.send_deliveries([uuid.uuid4()])

    def test_gives_up_on_a_broker_that_is_down_within_a_second(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = celery.Celery("test", broker="redis://127.0.0.1:1/0", set_as_current=False)
        app.conf.task_publish_retry = settings.CELERY_TASK_PUBLISH_RETRY
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        monkeypatch.setattr(celery, "current_app", app)
        started = time.monotonic()

        assert not jobs.send_deliveries([uuid.uuid4()])
        assert time.monotonic() - started < 1.5


@pytest.mark.django_db(transaction=True)
class TestQueueDelivery:
    @pytest.fixture
    def sent(self, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
        sent: list[list[int]] = []
        monkeypatch.setattr(
            jobs, "send_deliveries", lambda ids: sent.append([one.int for one in ids])
        )
        return sent

    @staticmethod
    def queue(*numbers: int) -> None:
        for number in numbers:
            jobs.queue_delivery(uuid.UUID(int=number))

    def test_sends_what_a_transaction_queued_together(self, sent: list[list[int]]) -> None:
        with transaction.atomic():
            self.queue(*range(1, 13))
            assert sent == []

        assert sent == [list(range(1, 11)), [11, 12]]

    def test_drops_what_was_rolled_back_with_its_part(self, sent: list[list[int]]) -> None:
        with transaction.atomic():
            self.queue(1)
            with contextlib.suppress(ValueError), transaction.atomic():
                self.queue(2, 3)
                raise ValueError
            self.queue(4)

        assert sent in ([[1, 4]], [[1], [4]])

    def test_sends_at_once_outside_a_transaction(self, sent: list[list[int]]) -> None:
        self.queue(1, 2)

        assert sent == [[1], [2]]


@pytest.mark.django_db
class TestTasks:
    def test_delivery_is_the_service_s(self) -> None:
        message = MessageFactory.create()

        tasks.deliver_messages(message_ids=[str(message.pk)], from_a_later_release=True)

        assert Message.objects.get().state == MessageState.SENT
        assert len(mail.outbox) == 1

    def test_the_sweep_is_the_service_s(self, monkeypatch: pytest.MonkeyPatch) -> None:
        message = MessageFactory.create()
        asked: list[Any] = []
        monkeypatch.setattr(jobs, "send_deliveries", asked.append)

        tasks.sweep_messages(from_a_later_release=True)

        assert asked == [[message.pk]]
