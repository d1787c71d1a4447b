"""Actions of the admin on events, cases and mail."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from billing import jobs
from billing.models import (
    Case,
    InboxEvent,
)
from notifications import jobs as mail_jobs
from notifications.models import Message, MessageState
from orgs.models import User
from tests import factories_billing as make
from tests.billing.admin_steps import act
from tests.factories import UserFactory
from tests.factories_messages import MessageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(jobs, "wake_inbox", lambda: calls.append("inbox"))
    return calls


def viewer_of(*codenames: str) -> User:
    user: User = UserFactory.create(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


class TestProcessAgain:
    def test_queues_what_was_not_handled(
        self, client: Client, staff: User, wakes: list[str]
    ) -> None:
        dead = make.InboxEventFactory.create(state="dead", attempts=9, error="API_ERROR")
        done = make.InboxEventFactory.create(state="done", handled_at=make.NOW)

        response = act(client, "billing_inboxevent", "process_again", dead, done)

        assert "1 events queued." in response.content.decode()
        dead.refresh_from_db()
        done.refresh_from_db()
        assert (dead.state, dead.attempts, dead.error) == ("pending", 0, "")
        assert done.state == "done"
        assert wakes == ["inbox"]

    def test_leaves_a_log_entry(self, client: Client, staff: User, wakes: list[str]) -> None:
        event = make.InboxEventFactory.create(state="failed")

        act(client, "billing_inboxevent", "process_again", event)

        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (staff, str(event.pk))
        assert entry.change_message == "Asked to be processed again."

    def test_is_not_for_those_who_may_only_look(self, client: Client, wakes: list[str]) -> None:
        client.force_login(viewer_of("view_inboxevent"))
        event = make.InboxEventFactory.create(state="dead")

        act(client, "billing_inboxevent", "process_again", event)

        assert InboxEvent.objects.get().state == "dead"
        assert wakes == []


class TestResolveCase:
    def test_asks_first(self, client: Client, staff: User) -> None:
        case = make.CaseFactory.create()

        html = act(client, "billing_case", "resolve", case).content.decode()

        assert "This moves no money" in html
        assert Case.objects.get().state == "open"
        assert not LogEntry.objects.exists()

    def test_marks_it_once_confirmed(self, client: Client, staff: User) -> None:
        case = make.CaseFactory.create()

        act(client, "billing_case", "resolve", case, confirmed="yes")

        case.refresh_from_db()
        assert case.state == "resolved"
        assert case.resolved_at is not None
        assert LogEntry.objects.get().change_message == "Marked as resolved."

    def test_has_nothing_to_ask_about_what_is_resolved(self, client: Client, staff: User) -> None:
        case = make.CaseFactory.create(state="resolved", resolved_at=make.NOW)

        html = act(client, "billing_case", "resolve", case).content.decode()

        assert "0 cases resolved." in html

    def test_is_not_for_those_who_may_only_look(self, client: Client) -> None:
        client.force_login(viewer_of("view_case"))
        case = make.CaseFactory.create()

        act(client, "billing_case", "resolve", case, confirmed="yes")

        assert Case.objects.get().state == "open"


class TestSendAgain:
    def test_queues_what_failed(
        self,
        client: Client,
        staff: User,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(mail_jobs, "send_deliveries", asked.extend)
        dead = MessageFactory.create(state=MessageState.DEAD, attempts=6)
        sent = MessageFactory.create(state=MessageState.SENT)

        with django_capture_on_commit_callbacks(execute=True):
            response = act(client, "notifications_message", "send_again", dead, sent)

        assert "1 messages queued." in response.content.decode()
        assert asked == [dead.pk]
        assert Message.objects.get(pk=sent.pk).state == MessageState.SENT
        assert LogEntry.objects.get().object_id == str(dead.pk)
