"""Writing lines: numbered without a gap, together where they belong together."""

from typing import Any

import pytest
from django.db import transaction

from billing import handlers
from billing.models import BillingEvent
from billing.services import timeline
from billing.types import Cause
from orgs.models import Organization
from tests.billing.builders import NOW, make_organization

pytestmark = pytest.mark.django_db

CAUSE = Cause("request", id="trace-1")


def line(summary: str) -> timeline.Line:
    return timeline.Line("billing.test.happened", summary, "test", "1", NOW, data={"n": 1})


def written(organization: Organization) -> list[tuple[int, str]]:
    events = BillingEvent.objects.for_org(organization).order_by("sequence")
    return list(events.values_list("sequence", "summary"))


class TestRecordEvents:
    def test_numbers_the_lines_of_each_organization_in_their_order(self) -> None:
        one, two = make_organization("One"), make_organization("Two")
        entries = [
            timeline.Entry(one, line("a"), CAUSE),
            timeline.Entry(two, line("b"), CAUSE),
            timeline.Entry(one, line("c"), CAUSE),
        ]

        with transaction.atomic():
            timeline.record_events(entries=entries)

        assert written(one) == [(1, "a"), (2, "c")]
        assert written(two) == [(1, "b")]
        one.refresh_from_db()
        assert one.event_sequence == 2

    def test_takes_two_statements_for_several_lines_of_one_organization(
        self, django_assert_num_queries: Any
    ) -> None:
        organization = make_organization()
        entries = [timeline.Entry(organization, line(text), CAUSE) for text in "abc"]

        with transaction.atomic(), django_assert_num_queries(2):
            timeline.record_events(entries=entries)

    def test_saves_other_fields_with_the_same_statement(
        self, django_assert_num_queries: Any
    ) -> None:
        organization = make_organization()
        organization.access_level = "full"
        entries = [timeline.Entry(organization, line("a"), CAUSE)]

        with transaction.atomic(), django_assert_num_queries(2):
            timeline.record_events(entries=entries, saving={organization: ["access_level"]})

        organization.refresh_from_db()
        assert (organization.access_level, organization.event_sequence) == ("full", 1)

    def test_sends_nothing_when_there_is_nothing(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            assert timeline.record_events(entries=[]) == []

    def test_runs_the_handlers_for_each_line_after_all_were_written(self) -> None:
        organization = make_organization()
        entries = [timeline.Entry(organization, line(text), CAUSE) for text in "ab"]
        seen: list[tuple[str, int]] = []

        def handler(event: BillingEvent) -> None:
            seen.append((event.summary, BillingEvent.objects.for_org(organization).count()))

        handlers.register("billing.test.happened", handler)
        try:
            timeline.record_events(entries=entries)
        finally:
            handlers.unregister("billing.test.happened", handler)

        assert seen == [("a", 2), ("b", 2)]


class TestRecordEvent:
    def test_writes_what_it_was_given(self) -> None:
        organization = make_organization()

        event = timeline.record_event(organization=organization, line=line("a"), cause=CAUSE)

        event.refresh_from_db()
        assert (event.sequence, event.type, event.data) == (1, "billing.test.happened", {"n": 1})
        assert event.cause == {"kind": "request", "id": "trace-1", "detail": ""}
        assert (event.category, event.occurred_at) == ("BILLING_UPDATED", NOW)
        assert event.updated_at is not None


class TestPending:
    def test_keeps_lines_back(self) -> None:
        organization = make_organization()
        pending = timeline.Pending()

        pending.record_event(organization=organization, line=line("a"), cause=CAUSE)

        assert written(organization) == []
        timeline.record_events(entries=pending.entries)
        assert written(organization) == [(1, "a")]
