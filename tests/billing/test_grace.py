"""Ending grace on time, when neither a webhook nor a request says so."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction

from billing import handlers, tasks
from billing.models import BillingEvent, Plan, Subscription
from billing.selectors import access, subscriptions
from billing.selectors import grace as selector
from billing.services import grace, standing
from billing.types import Cause
from orgs import clock
from orgs.models import Organization, PlanStatus
from tests.billing.builders import NOW, make_organization, make_price, make_subscription
from tests.factories_billing import PlanFactory

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


def overdue(since: datetime = NOW, name: str = "Bistro", **fields: Any) -> Organization:
    """An organization whose payment failed and that has been told so."""
    organization = make_organization(name)
    make_subscription(
        organization, status="past_due", past_due_since=since, activated_at=since, **fields
    )
    tell(organization, since)
    return organization


def tell(organization: Organization, now: datetime) -> None:
    with transaction.atomic():
        standing.refresh_organization(organization, cause=Cause("webhook", id="evt_1"), now=now)


def lines(organization: Organization) -> list[BillingEvent]:
    return list(BillingEvent.objects.for_org(organization).order_by("sequence"))


class TestEndGrace:
    def test_restricts_at_the_very_moment(self) -> None:
        organization = overdue()

        assert grace.end_grace(now=NOW + WEEK - timedelta(seconds=1)) == 0
        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.PAST_DUE
        assert grace.end_grace(now=NOW + WEEK) == 1

        organization.refresh_from_db()
        assert organization.plan_status == PlanStatus.SUSPENDED
        assert organization.access_level == "restricted"
        assert organization.plan_id is not None

    def test_writes_the_line_that_says_why(self) -> None:
        organization = overdue()

        grace.end_grace(now=NOW + WEEK + timedelta(minutes=9))

        organization.refresh_from_db()
        line = lines(organization)[-1]
        assert line.type == "billing.access.changed"
        assert line.data == {"from": "grace", "to": "restricted", "reason_code": "grace_ended"}
        assert line.cause["kind"] == "sweep"
        assert line.summary == (
            "Access is restricted since 8 March 2026: the payment for Bistro failed on "
            "1 March 2026 and the grace period ended on 8 March 2026. "
            "Update your card to go on."
        )
        assert organization.access_event_id == line.pk
        assert organization.access_since == line.occurred_at == NOW + WEEK

    def test_twice_is_once(self) -> None:
        organization = overdue()

        assert [grace.end_grace(now=NOW + WEEK) for _ in range(2)] == [1, 0]

        assert [event.sequence for event in lines(organization)] == [1, 2]

    def test_says_the_same_before_and_after_but_for_the_line(self) -> None:
        organization = overdue()
        now = NOW + WEEK + timedelta(minutes=1)

        before = access.current(organization, subscriptions.current(organization), now)
        grace.end_grace(now=now)
        organization.refresh_from_db()
        after = access.current(organization, subscriptions.current(organization), now)

        assert (before.level, before.reason_code, before.message, before.since) == (
            after.level,
            after.reason_code,
            after.message,
            after.since,
        )
        assert (before.caused_by_event, after.caused_by_event) == (
            None,
            organization.access_event_id,
        )

    def test_works_through_more_than_a_batch(self) -> None:
        rows = [overdue(name=f"Bistro{number}") for number in range(5)]

        assert grace.end_grace(now=NOW + WEEK, batch=2) == 5

        for row in rows:
            row.refresh_from_db()
        assert {row.access_level for row in rows} == {"restricted"}

    def test_goes_by_each_plans_own_policy(self) -> None:
        patient = make_price("patient")
        Plan.objects.filter(pk=patient.plan_version.plan_id).update(grace_days=30)
        quick, slow = overdue(), overdue(name="Slow", price=patient)

        grace.end_grace(now=NOW + WEEK)

        quick.refresh_from_db()
        slow.refresh_from_db()
        assert (quick.access_level, slow.access_level) == ("restricted", "grace")

    def test_gives_access_back_when_staff_lengthens_the_grace(self) -> None:
        organization = overdue()
        grace.end_grace(now=NOW + WEEK)
        Plan.objects.update(grace_days=10)

        assert grace.end_grace(now=NOW + WEEK) == 1

        organization.refresh_from_db()
        assert (organization.access_level, organization.plan_status) == (
            "grace",
            PlanStatus.PAST_DUE,
        )
        assert lines(organization)[-1].data["from"] == "restricted"

    def test_leaves_alone_who_has_paid_in_the_meantime(self) -> None:
        organization = overdue()
        Subscription.objects.update(status="active", past_due_since=None)

        assert grace.end_grace(now=NOW + WEEK) == 0

        assert len(lines(organization)) == 1

    def test_looks_again_under_the_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        organization = overdue()
        look = selector.organizations_to_tell

        def pays_right_after(**question: Any) -> list[UUID]:
            found = look(**question)
            Subscription.objects.update(status="active", past_due_since=None)
            tell(organization, NOW + WEEK)
            return found

        monkeypatch.setattr(selector, "organizations_to_tell", pays_right_after)

        assert grace.end_grace(now=NOW + WEEK) == 0

        organization.refresh_from_db()
        assert organization.access_level == "full"
        assert [event.data["to"] for event in lines(organization)] == ["grace", "full"]

    def test_trouble_with_one_does_not_keep_the_others_waiting(self) -> None:
        rows = [overdue(name="One"), overdue(name="Two")]
        poisoned = min(rows, key=lambda row: row.pk)

        def handler(event: BillingEvent) -> None:
            if event.organization_id == poisoned.pk:
                raise RuntimeError("in somebody's handler")

        handlers.register("billing.access.changed", handler)
        try:
            assert grace.end_grace(now=NOW + WEEK) == 1
        finally:
            handlers.unregister("billing.access.changed", handler)

        assert grace.end_grace(now=NOW + WEEK) == 1
        assert len(lines(poisoned)) == 2

    def test_end_customers_of_an_organization_are_not_its_own_access(self) -> None:
        organization = overdue()
        row = Subscription.objects.get()
        row.customer.reference = "guest-7"
        row.customer.save()

        assert grace.end_grace(now=NOW + WEEK) == 0

        assert len(lines(organization)) == 1

    def test_beat_has_it_done_by_business_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        organization = overdue()
        monkeypatch.setattr(clock, "now", lambda *_: NOW + WEEK)

        tasks.end_grace(something_new=1)

        organization.refresh_from_db()
        assert organization.access_level == "restricted"


@pytest.mark.django_db(transaction=True)
def test_an_organization_that_somebody_holds_is_left_to_the_next_sweep() -> None:
    organization = overdue()
    other = connections["default"].copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM orgs_organization WHERE id = %s FOR NO KEY UPDATE",
                [organization.pk],
            )
        assert grace.end_grace(now=NOW + WEEK) == 0
        other.rollback()
        assert grace.end_grace(now=NOW + WEEK) == 1
    finally:
        other.close()


class TestPolicy:
    def test_is_a_week_unless_staff_says_otherwise(self) -> None:
        assert PlanFactory.create().grace_days == 7

    @pytest.mark.parametrize("days", [0, 60])
    def test_takes_0_to_60_days(self, days: int) -> None:
        plan = PlanFactory.build(grace_days=days)

        plan.full_clean()

    @pytest.mark.parametrize("days", [-1, 61])
    def test_takes_nothing_else(self, days: int) -> None:
        plan = PlanFactory.build(grace_days=days)

        with pytest.raises(ValidationError) as refused:
            plan.full_clean(validate_constraints=False)
        assert list(refused.value.message_dict) == ["grace_days"]
        with pytest.raises(IntegrityError), transaction.atomic():
            PlanFactory.create(grace_days=days)
