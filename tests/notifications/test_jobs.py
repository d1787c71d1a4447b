import time
import uuid
from typing import Any

import celery
import pytest
from django.core import mail
from kombu.exceptions import OperationalError

from notifications import jobs, tasks
from notifications.models import Message, MessageState
from tests.factories_billing import MessageFactory


class TestSendDelivery:
    def test_names_the_task_and_passes_the_id_as_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[Any] = []
        monkeypatch.setattr(
            celery.current_app, "send_task", lambda name, **options: calls.append((name, options))
        )
        message_id = uuid.uuid4()

        assert jobs.send_delivery(message_id)
        assert calls == [
            (
                "notifications.deliver_message",
                {"kwargs": {"message_id": str(message_id)}, "retry": False},
            )
        ]

    @pytest.mark.parametrize("error", [OperationalError("down"), ConnectionRefusedError()])
    def test_never_fails_its_caller(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: Any
    ) -> None:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise error

        monkeypatch.setattr(celery.current_app, "send_task", fail)

        assert not jobs.send_delivery(uuid.uuid4())

    def test_gives_up_on_a_broker_that_is_down_within_a_second(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = celery.Celery("test", broker="redis://127.0.0.1:1/0", set_as_current=False)
        app.conf.task_publish_retry = settings.CELERY_TASK_PUBLISH_RETRY
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        monkeypatch.setattr(celery, "current_app", app)
        started = time.monotonic()

        assert not jobs.send_delivery(uuid.uuid4())
        assert time.monotonic() - started < 1.5


@pytest.mark.django_db
class TestTasks:
    def test_delivery_is_the_service_s(self) -> None:
        message = MessageFactory.create()

        tasks.deliver_message(message_id=str(message.pk), from_a_later_release=True)

        assert Message.objects.get().state == MessageState.SENT
        assert len(mail.outbox) == 1

    def test_the_sweep_is_the_service_s(self, monkeypatch: pytest.MonkeyPatch) -> None:
        message = MessageFactory.create()
        asked: list[Any] = []
        monkeypatch.setattr(jobs, "send_delivery", asked.append)

        tasks.sweep_messages(from_a_later_release=True)

        assert asked == [message.pk]
