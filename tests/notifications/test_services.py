"""Mail that is queued, swept up and tried again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from notifications import catalog, jobs, selectors, services
from notifications.models import Message, MessageState
from orgs.models import Organization
from tests.factories import OrganizationFactory
from tests.factories_billing import NOW
from tests.factories_messages import CONFIRMATION, MessageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The deliveries asked for, in place of a broker."""
    return stub_broker(monkeypatch, is_up=True)


def stub_broker(monkeypatch: pytest.MonkeyPatch, *, is_up: bool) -> list[str]:
    ids: list[str] = []

    def send_deliveries(message_ids: Sequence[UUID]) -> bool:
        ids.extend(str(message_id) for message_id in message_ids)
        return is_up

    monkeypatch.setattr(jobs, "send_deliveries", send_deliveries)
    return ids


def queue(organization: Organization, **changes: Any) -> bool:
    values: dict[str, Any] = {
        "kind": "subscription_confirmed",
        "key": "subscription-1",
        "to": "owner@acme.example",
        "context": CONFIRMATION,
        "now": NOW,
    }
    return services.queue_message(organization=organization, **{**values, **changes}) is not None


class TestQueueMessage:
    def test_stores_a_message_and_queues_its_delivery_after_the_commit(
        self, org: Organization, queued: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            assert queue(org)
            assert queued == []

        message = Message.objects.get()
        assert (message.state, message.to) == (MessageState.QUEUED, "owner@acme.example")
        assert queued == [str(message.pk)]

    def test_is_once_per_key(
        self, org: Organization, queued: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            answers = [queue(org), queue(org), queue(org, context={**CONFIRMATION, "plan": "X"})]

        assert answers == [True, False, False]
        assert len(queued) == 1
        assert Message.objects.get().context["plan"] == "Starter"

    def test_is_another_one_for_another_key_address_or_organization(
        self, org: Organization, queued: list[str]
    ) -> None:
        answers = [
            queue(org),
            queue(org, key="subscription-2"),
            queue(org, to="books@acme.example"),
            queue(OrganizationFactory.create()),
        ]

        assert answers == [True] * 4
        assert Message.objects.count() == 4

    def test_vanishes_with_the_transaction_that_needed_it(
        self, org: Organization, queued: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            queue(org)
            transaction.set_rollback(True)

        assert not Message.objects.exists()
        assert queued == []

    def test_refuses_a_context_the_templates_can_not_work_with(self, org: Organization) -> None:
        context = {key: CONFIRMATION[key] for key in CONFIRMATION if key not in ("plan", "seats")}

        with pytest.raises(catalog.ContextIncomplete, match="needs plan, seats"):
            queue(org, context=context)

        assert not Message.objects.exists()

    def test_encrypts_what_opens_something(self, org: Organization, queued: list[str]) -> None:
        address = "https://till.example/invitations/inv_secret"
        words = dict.fromkeys(catalog.TEAM_INVITATION.needs, "x")

        queue(org, kind="team_invitation", context={**words, "accept_url": address})

        message = Message.objects.get()
        assert "accept_url" not in message.context
        assert services.render_message(message).text.count(address) == 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(m)::text, sealed FROM notifications_message m")
            row, sealed = cursor.fetchone()
        assert "inv_secret" not in row
        assert b"inv_secret" not in bytes(sealed)
        assert len(bytes(sealed)) > len(address)

    def test_seals_nothing_of_other_mails(self, org: Organization, queued: list[str]) -> None:
        queue(org)

        assert Message.objects.get().sealed == ""

    def test_refuses_an_unknown_kind(self, org: Organization) -> None:
        with pytest.raises(catalog.UnknownKind):
            queue(org, kind="gossip")


class TestSweepMessages:
    def test_re_queues_what_is_due(self, queued: list[str]) -> None:
        old = NOW - timedelta(minutes=11)
        due = [
            MessageFactory.create(),
            MessageFactory.create(state=MessageState.FAILED, attempts=1),
            MessageFactory.create(state=MessageState.SENDING, claimed_at=old, attempts=1),
        ]
        MessageFactory.create(state=MessageState.SENT)
        MessageFactory.create(state=MessageState.DEAD)
        MessageFactory.create(state=MessageState.SENDING, claimed_at=NOW, attempts=1)
        MessageFactory.create(state=MessageState.FAILED, next_attempt_at=NOW + timedelta(hours=1))

        assert services.sweep_messages(now=NOW) == 3
        assert set(queued) == {str(message.pk) for message in due}

    def test_gives_up_what_died_on_its_last_try(self, queued: list[str]) -> None:
        message = MessageFactory.create(
            state=MessageState.SENDING, claimed_at=NOW - timedelta(hours=1), attempts=6
        )

        assert services.sweep_messages(now=NOW) == 0
        message.refresh_from_db()
        assert (message.state, message.error) == (MessageState.DEAD, "OutcomeUnknown")

    def test_stops_when_the_broker_is_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        MessageFactory.create_batch(jobs.MESSAGES_PER_JOB + 3)
        asked = stub_broker(monkeypatch, is_up=False)

        assert services.sweep_messages(now=NOW) == 0
        assert len(asked) == jobs.MESSAGES_PER_JOB


class TestRetryMessages:
    def test_starts_anew_with_what_failed(
        self, queued: list[str], django_capture_on_commit_callbacks: Any
    ) -> None:
        dead = MessageFactory.create(state=MessageState.DEAD, attempts=6, error="SMTPDataError")
        sent = MessageFactory.create(state=MessageState.SENT)

        with django_capture_on_commit_callbacks(execute=True):
            count = services.retry_messages(message_ids=[dead.pk, sent.pk], now=NOW)

        dead.refresh_from_db()
        assert (count, dead.state, dead.attempts, dead.error) == (1, MessageState.QUEUED, 0, "")
        assert queued == [str(dead.pk)]


def test_messages_of_an_organization_are_its_own(org: Organization) -> None:
    mine = MessageFactory.create(organization=org)
    MessageFactory.create()

    assert list(selectors.messages_of(org)) == [mine]
