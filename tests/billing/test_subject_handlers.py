"""Objects at a provider that another app looks after."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from billing import handlers
from billing.drivers.base import DriverUnavailable
from billing.enums import InboxState
from billing.models import InboxEvent
from billing.types import Cause, SubjectNews
from orgs.models import Organization
from tests.billing.dispatch_steps import drain, store


@dataclasses.dataclass
class Desk:
    """Notes what it is asked, and answers for one organization."""

    organization_id: UUID | None = None
    error: Exception | None = None
    refusal: Exception | None = None
    asked: list[tuple[SubjectNews, bool]] = dataclasses.field(default_factory=list)
    applied: list[tuple[SubjectNews, Any, Cause, bool]] = dataclasses.field(default_factory=list)

    def ask(self, news: SubjectNews) -> Any:
        self.asked.append((news, connection.in_atomic_block))
        if self.error is not None:
            raise self.error
        return f"about {news.external_id}"

    def apply(
        self, news: SubjectNews, answer: Any, *, fetched_at: datetime, cause: Cause, now: datetime
    ) -> UUID | None:
        assert fetched_at.tzinfo is not None
        assert now.tzinfo is not None
        self.applied.append((news, answer, cause, connection.in_atomic_block))
        if self.refusal is not None:
            raise self.refusal
        return self.organization_id


@pytest.fixture
def desk(organization: Organization) -> Iterator[Desk]:
    known = handlers.of_subject("sale")
    desk = Desk(organization.pk)
    handlers.register_subject("sale", desk)
    yield desk
    handlers.unregister_subject("sale")
    if known is not None:
        handlers.register_subject("sale", known)


def about_sale(event_id: str, external_id: str = "pi_1", our_id: str = "ours") -> InboxEvent:
    metadata = {"till_payment_id": our_id} if our_id else {}
    obj = {"id": external_id, "object": "payment_intent", "metadata": metadata}
    return store(event_id, "payment_intent.succeeded", obj)


def at_reader(event_id: str, external_id: str = "pi_1") -> InboxEvent:
    taken = {"payment_intent": external_id}
    action = {"type": "process_payment_intent", "process_payment_intent": taken}
    obj = {"id": "tmr_1", "object": "terminal.reader", "action": action}
    return store(event_id, "terminal.reader.action_succeeded", obj)


@pytest.mark.django_db
class TestLeftToAnother:
    def test_is_asked_once_and_told_what_it_answered(self, desk: Desk) -> None:
        rows = [at_reader("evt_1"), about_sale("evt_2"), at_reader("evt_3")]

        assert drain() == 3

        news = SubjectNews("stripe", "pi_1", our_id="ours")
        assert [one for one, _ in desk.asked] == [news]
        (told, answer, cause, _), *others = desk.applied
        assert (told, answer, others) == (news, "about pi_1", [])
        assert cause.kind == "webhook"
        for row in rows:
            row.refresh_from_db()
            assert (row.state, row.organization_id) == (InboxState.DONE, desk.organization_id)

    def test_no_transaction_is_open_while_it_asks(self, transactional_db: None, desk: Desk) -> None:
        about_sale("evt_1")

        drain()

        assert [is_open for _, is_open in desk.asked] == [False]
        assert [is_open for *_, is_open in desk.applied] == [True]

    def test_what_is_nobodys_is_done(self, desk: Desk) -> None:
        desk.organization_id = None
        row = at_reader("evt_1")

        assert drain() == 1

        row.refresh_from_db()
        assert (row.state, row.organization_id) == (InboxState.DONE, None)

    @pytest.mark.parametrize(
        "error",
        [DriverUnavailable("API_ERROR"), LookupError("not there yet"), ValueError("a bug")],
        ids=["unavailable", "not_there_yet", "bug"],
    )
    def test_is_tried_again_when_it_can_not_be_asked(self, desk: Desk, error: Exception) -> None:
        desk.error = error
        row = about_sale("evt_1")

        assert drain() == 0

        row.refresh_from_db()
        assert row.state == InboxState.FAILED
        assert desk.applied == []

    def test_is_tried_again_when_it_can_not_be_applied(self, desk: Desk) -> None:
        desk.refusal = LookupError("not there yet")
        row = about_sale("evt_1")

        assert drain() == 0

        row.refresh_from_db()
        assert row.state == InboxState.FAILED

    def test_another_payment_goes_on(self, transactional_db: None, desk: Desk) -> None:
        about_sale("evt_1", "pi_1")
        about_sale("evt_2", "pi_2", "theirs")

        assert drain() == 2

        told = sorted((news.external_id, news.our_id, answer) for news, answer, *_ in desk.applied)
        assert told == [("pi_1", "ours", "about pi_1"), ("pi_2", "theirs", "about pi_2")]

    def test_an_intent_that_is_not_ours_is_not_asked_about(self, desk: Desk) -> None:
        row = about_sale("evt_1", our_id="")

        assert drain() == 1

        row.refresh_from_db()
        assert row.state == InboxState.DONE
        assert desk.asked == []


@pytest.mark.django_db
def test_what_nobody_registered_for_is_done(desk: Desk) -> None:
    handlers.unregister_subject("sale")
    row = about_sale("evt_1")

    assert drain() == 1

    row.refresh_from_db()
    assert row.state == InboxState.DONE
    assert desk.asked == []
