"""Mail that is rendered and delivered."""

import smtplib
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.db import connection

from notifications import services
from notifications.models import Message, MessageState
from tests.factories_billing import NOW
from tests.factories_messages import CONFIRMATION, MessageFactory

if TYPE_CHECKING:
    from uuid import UUID

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise smtplib.SMTPDataError(451, b"key sk_live_secret refused for owner@acme.example")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)


class TestDeliverMessage:
    def test_sends_text_and_html_once(self) -> None:
        message = MessageFactory.create(to="owner@acme.example")

        answers = [services.deliver_message(message_id=message.pk, now=NOW) for _ in range(2)]

        assert answers == [True, False]
        (sent,) = mail.outbox
        assert sent.to == ["owner@acme.example"]
        assert sent.subject == "Starter is active for Acme"
        assert "Price:        $29.00 per month" in sent.body
        assert "Next charge:  1 April 2026" in sent.body
        assert "http://127.0.0.1:8000/settings/billing" in sent.body
        ((html, mime),) = sent.alternatives  # type: ignore[attr-defined]
        assert mime == "text/html"
        assert 'href="http://127.0.0.1:8000/settings/billing"' in html
        message.refresh_from_db()
        assert (message.state, message.sent_at, message.attempts) == (MessageState.SENT, NOW, 1)

    def test_carries_the_same_id_on_every_try_and_what_the_mail_provider_needs(self) -> None:
        message = MessageFactory.create()

        services.deliver_message(message_id=message.pk, now=NOW)

        sent: Any = mail.outbox[0]
        assert sent.extra_headers["Message-ID"] == f"<{message.pk}@till.example>"
        assert sent.tags == ["subscription_confirmed"]
        assert sent.metadata == {
            "message": str(message.pk),
            "organization": str(message.organization_id),
        }

    def test_keeps_the_mail_provider_s_id(self, settings: Any) -> None:
        settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
        message = MessageFactory.create()

        services.deliver_message(message_id=message.pk, now=NOW)

        message.refresh_from_db()
        assert message.provider_message_id == "0"

    @pytest.mark.parametrize("state", [MessageState.SENT, MessageState.DEAD])
    def test_leaves_alone_what_is_over(self, state: MessageState) -> None:
        message = MessageFactory.create(state=state)

        assert not services.deliver_message(message_id=message.pk, now=NOW)
        assert mail.outbox == []

    def test_leaves_alone_what_another_worker_is_sending(self) -> None:
        message = MessageFactory.create(
            state=MessageState.SENDING, claimed_at=NOW - timedelta(minutes=9), attempts=1
        )

        assert not services.deliver_message(message_id=message.pk, now=NOW)
        assert mail.outbox == []

    def test_tries_again_when_the_worker_that_claimed_it_died(self) -> None:
        message = MessageFactory.create(
            state=MessageState.SENDING, claimed_at=NOW - timedelta(minutes=11), attempts=1
        )

        assert services.deliver_message(message_id=message.pk, now=NOW)
        message.refresh_from_db()
        assert (message.state, message.attempts) == (MessageState.SENT, 2)

    def test_waits_until_the_next_try_is_due(self) -> None:
        message = MessageFactory.create(
            state=MessageState.FAILED, next_attempt_at=NOW + timedelta(seconds=1)
        )

        assert not services.deliver_message(message_id=message.pk, now=NOW)

    def test_backs_off_and_gives_up_after_six_tries(self, broken_server: None) -> None:
        message = MessageFactory.create()
        waits, now = [], NOW

        for _ in range(6):
            assert not services.deliver_message(message_id=message.pk, now=now)
            message.refresh_from_db()
            waits.append(message.next_attempt_at - now)
            now = message.next_attempt_at

        minute, hour = timedelta(minutes=1), timedelta(hours=1)
        assert waits == [minute, 5 * minute, 30 * minute, 2 * hour, 12 * hour, timedelta()]
        assert (message.state, message.attempts) == (MessageState.DEAD, 6)

    def test_stores_the_kind_of_error_and_not_its_words(self, broken_server: None) -> None:
        message = MessageFactory.create()

        services.deliver_message(message_id=message.pk, now=NOW)

        message.refresh_from_db()
        assert message.error == "SMTPDataError 451"

    def test_counts_a_template_that_fails_as_a_failed_try(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = MessageFactory.create(kind="gone")

        assert not services.deliver_message(message_id=message.pk, now=NOW)
        message.refresh_from_db()
        assert (message.state, message.error) == (MessageState.FAILED, "UnknownKind")

    def test_leaves_a_claim_that_was_taken_over_to_its_new_holder(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = MessageFactory.create()
        later = NOW + timedelta(minutes=20)

        def taken_over(claimed: Message) -> str:
            Message.objects.filter(pk=claimed.pk).update(claimed_at=later, attempts=2)
            raise TimeoutError

        monkeypatch.setattr(services, "_send", taken_over)
        services.deliver_message(message_id=message.pk, now=NOW)

        message.refresh_from_db()
        assert (message.state, message.claimed_at) == (MessageState.SENDING, later)


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    message = MessageFactory.create()
    together = threading.Barrier(2, timeout=10)
    sent: list[UUID] = []

    def send(claimed: Message) -> str:
        sent.append(claimed.pk)
        return ""

    monkeypatch.setattr(services, "_send", send)

    def work() -> None:
        together.wait()
        services.deliver_message(message_id=message.pk, now=NOW)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sent == [message.pk]


class TestRenderMessage:
    def test_escapes_names_in_html_and_not_in_text(self) -> None:
        name = "Müller & <b>Söhne</b>"
        message = MessageFactory.create(context={**CONFIRMATION, "organization": name})

        rendered = services.render_message(message)

        assert f"Hello {name}," in rendered.text
        assert rendered.subject == f"Starter is active for {name}"
        assert "Müller &amp; &lt;b&gt;Söhne&lt;/b&gt;" in rendered.html
        assert name not in rendered.html

    def test_keeps_the_subject_on_one_line(self) -> None:
        context = {**CONFIRMATION, "organization": "Acme\r\nBcc: all@example.com"}
        message = MessageFactory.create(context=context)

        assert "\n" not in services.render_message(message).subject

    def test_loads_nothing_from_elsewhere(self) -> None:
        html = services.render_message(MessageFactory.create()).html

        assert "<img" not in html
        assert "url(" not in html
        assert "<link" not in html

    def test_promises_no_charge_for_a_free_plan(self) -> None:
        context = {**CONFIRMATION, "plan": "Free", "is_free": True, "next_charge": ""}
        rendered = services.render_message(MessageFactory.create(context=context))

        assert "Price:        Free" in rendered.text
        assert "Next charge" not in rendered.text + rendered.html
        assert "$29.00" not in rendered.text + rendered.html

    def test_tells_of_a_trial(self) -> None:
        context = {**CONFIRMATION, "trial_end": "15 March 2026", "seats": 3}
        rendered = services.render_message(MessageFactory.create(context=context))

        assert rendered.subject == "Your Starter trial has started for Acme"
        assert "runs until 15 March 2026" in rendered.text
        assert "Seats:        3" in rendered.text
        assert "runs until 15 March 2026" in rendered.html
