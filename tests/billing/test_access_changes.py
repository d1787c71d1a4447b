"""Every change of access is a line of the timeline, with the cause of what set it off."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.enums import AccessLevel, SubscriptionStatus
from billing.models import BillingEvent, Subscription
from billing.selectors import access, subscriptions
from billing.services import abandon, free_plan, grace, projection
from billing.types import Cause, SubscriptionUpdate
from orgs.models import Organization, PlanStatus
from tests.billing.builders import (
    NOW,
    make_organization,
    make_price,
    make_subscription,
    moment,
    snapshot_of,
)
from tests.billing.projection_steps import T0

pytestmark = pytest.mark.django_db

_S = SubscriptionStatus


def apply(
    subscription: Subscription,
    status: SubscriptionStatus,
    *,
    at: int = 0,
    cause: Cause | None = None,
    now: datetime = NOW,
    **changes: Any,
) -> Organization:
    """Bring a subscription to a status at the provider; return its organization as it is then."""
    projection.converge(
        snapshot=snapshot_of(subscription, status=status, **changes),
        fetched_at=T0 + timedelta(seconds=at),
        cause=cause or Cause("webhook", id=f"evt_{at}", detail="customer.subscription.updated"),
        now=now,
    )
    subscription.refresh_from_db()
    return Organization.objects.get(pk=subscription.organization_id)


def changes(organization: Organization) -> list[BillingEvent]:
    events = BillingEvent.objects.for_org(organization).filter(type="billing.access.changed")
    return list(events.order_by("sequence"))


class TestActivation:
    def test_writes_level_reason_moment_and_line(self) -> None:
        organization = apply(make_subscription(), _S.ACTIVE)

        (line,) = changes(organization)
        assert (organization.access_level, organization.access_reason) == ("full", "active")
        assert organization.access_since == NOW
        assert organization.access_event_id == line.pk
        assert line.data == {"from": "none", "to": "full", "reason_code": "active"}
        assert line.summary == "Access is given: Bistro is active."
        assert (line.object_type, line.object_id) == ("organization", str(organization.pk))
        assert line.cause == {
            "kind": "webhook",
            "id": "evt_0",
            "detail": "customer.subscription.updated",
        }

    def test_updates_the_organization_once_and_inserts_all_lines_at_once(self) -> None:
        subscription = make_subscription()

        with CaptureQueriesContext(connection) as queries:
            apply(subscription, _S.ACTIVE)

        sent = [query["sql"] for query in queries]
        assert sum(sql.startswith('UPDATE "orgs_organization"') for sql in sent) == 1
        assert sum(sql.startswith('INSERT INTO "billing_billingevent"') for sql in sent) == 1

    def test_a_batch_inserts_the_lines_of_all_organizations_at_once(self) -> None:
        rows = [make_subscription(make_organization(name)) for name in ("One", "Two")]
        batch = [
            SubscriptionUpdate(snapshot_of(row), moment(), Cause("webhook", id=f"evt_{number}"))
            for number, row in enumerate(rows)
        ]

        with CaptureQueriesContext(connection) as queries:
            projection.converge_together(changes=batch, now=NOW)

        sent = [query["sql"] for query in queries]
        assert sum(sql.startswith('INSERT INTO "billing_billingevent"') for sql in sent) == 1
        for number, row in enumerate(rows):
            (line,) = changes(row.organization)
            assert line.cause["id"] == f"evt_{number}"

    def test_applying_the_same_again_writes_nothing_about_the_organization(self) -> None:
        subscription = make_subscription()
        before = apply(subscription, _S.ACTIVE)

        with CaptureQueriesContext(connection) as queries:
            after = apply(subscription, _S.ACTIVE, at=1)

        assert not any('UPDATE "orgs_organization"' in query["sql"] for query in queries)
        assert (after.updated_at, after.event_sequence) == (
            before.updated_at,
            before.event_sequence,
        )

    def test_the_free_plan_gives_access_by_request(self, organization: Organization) -> None:
        free_plan.start_free_plan(
            organization=organization,
            price=make_price("gratis", amount_minor=0),
            cause=Cause("request", id="trace-1"),
            now=NOW,
        )

        (line,) = changes(organization)
        assert (line.data["to"], line.cause["id"]) == ("full", "trace-1")
        assert organization.access_event_id == line.pk

    def test_an_unfinished_start_is_no_change(self) -> None:
        organization = apply(make_subscription(), _S.INCOMPLETE, latest_payment=None)

        assert changes(organization) == []
        assert organization.access_reason == "payment_incomplete"
        assert organization.access_since is None

    def test_a_start_that_is_given_up_is_no_change(self) -> None:
        subscription = make_subscription(attempt_state="failed")

        abandon.cancel_locally(subscription=subscription, cause=Cause("request"), now=NOW)

        assert changes(subscription.organization) == []


class TestLaterChanges:
    def test_a_failed_payment_leads_to_grace(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.ACTIVE)

        organization = apply(subscription, _S.PAST_DUE, at=1, now=NOW + timedelta(days=31))

        line = changes(organization)[-1]
        assert organization.plan_status == PlanStatus.PAST_DUE
        assert subscription.past_due_since == NOW + timedelta(days=31)
        assert line.data == {"from": "full", "to": "grace", "reason_code": "payment_overdue"}
        assert line.summary == (
            "The payment for Bistro failed on 1 April 2026. Access goes on until 8 April 2026: "
            "please update your card before then."
        )

    def test_grace_counts_from_the_first_failure_until_it_is_paid(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.ACTIVE)
        apply(subscription, _S.PAST_DUE, at=1, now=NOW)

        apply(subscription, _S.PAST_DUE, at=2, now=NOW + timedelta(days=3))
        assert subscription.past_due_since == NOW

        apply(subscription, _S.ACTIVE, at=3)
        assert subscription.past_due_since is None

    def test_a_webhook_after_the_end_of_grace_ends_it_as_well(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.ACTIVE)
        apply(subscription, _S.PAST_DUE, at=1, now=NOW)

        organization = apply(subscription, _S.PAST_DUE, at=2, now=NOW + timedelta(days=9))

        line = changes(organization)[-1]
        assert organization.plan_status == PlanStatus.SUSPENDED
        assert (line.data["reason_code"], line.cause["id"]) == ("grace_ended", "evt_2")
        assert organization.access_since == line.occurred_at == NOW + timedelta(days=7)

    def test_another_reason_for_the_restriction_is_told(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.ACTIVE)
        apply(subscription, _S.UNPAID, at=1)

        organization = apply(subscription, _S.PAUSED, at=2)

        assert [line.data["reason_code"] for line in changes(organization)] == [
            "active",
            "unpaid",
            "paused",
        ]
        assert organization.access_event_id == changes(organization)[-1].pk

    def test_what_does_not_change_access_is_not_told_as_if_it_did(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.TRIALING)
        apply(subscription, _S.ACTIVE, at=1)

        organization = apply(subscription, _S.ACTIVE, at=2, cancel_at_period_end=True)

        assert [line.data["reason_code"] for line in changes(organization)] == ["trialing"]
        assert organization.access_reason == "cancels"

    def test_the_end_is_told(self) -> None:
        subscription = make_subscription()
        apply(subscription, _S.ACTIVE)

        organization = apply(subscription, _S.CANCELED, at=1, ended_at=NOW)

        line = changes(organization)[-1]
        assert line.data == {"from": "full", "to": "none", "reason_code": "ended"}
        assert line.summary == ("Access has ended: Bistro has ended. Choose a plan to come back.")
        assert organization.plan_status == PlanStatus.CANCELED

    def test_end_customers_do_not_change_the_organizations_access(self) -> None:
        subscription = make_subscription()
        subscription.customer.reference = "guest-7"
        subscription.customer.save()

        organization = apply(subscription, _S.ACTIVE)

        assert changes(organization) == []
        assert organization.event_sequence == 1
        assert organization.access_level == "none"


# --- Whatever happens, in whatever order ------------------------------------------------------

_CAUSES = st.sampled_from(
    [Cause("webhook", id="evt_1"), Cause("request", id="trace-1"), Cause("resolver")]
)
_STEPS = st.lists(
    st.tuples(st.sampled_from(list(_S)), st.integers(0, 12), _CAUSES, st.booleans()),
    min_size=1,
    max_size=12,
)
_ACTS = ("Update your card", "Resume it")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS)
def test_no_transition_is_without_a_cause_and_no_restriction_without_a_way_out(
    steps: list[tuple[SubscriptionStatus, int, Cause, bool]],
) -> None:
    subscription = make_subscription()
    now = NOW
    before = ("none", None)
    for at, (status, days, cause, with_sweep) in enumerate(steps):
        now += timedelta(days=days)
        organization = apply(subscription, status, at=at, cause=cause, now=now)
        before = _check(organization, before, cause, now)
        if with_sweep:
            now += timedelta(days=days)
            grace.end_grace(now=now)
            organization.refresh_from_db()
            before = _check(organization, before, Cause("sweep"), now)


def _check(
    organization: Organization, before: tuple[str, Any], cause: Cause, now: datetime
) -> tuple[str, Any]:
    """Check what one step did; return level and line for the next."""
    level, line = before
    told = changes(organization)
    sequences = BillingEvent.objects.for_org(organization).order_by("sequence")
    assert [event.sequence for event in sequences] == list(
        range(1, organization.event_sequence + 1)
    )
    if organization.access_event_id != line:
        assert told[-1].pk == organization.access_event_id
        assert told[-1].cause["kind"] == cause.kind
        assert told[-1].data["from"] == level
        assert told[-1].data["to"] == organization.access_level
    else:
        assert organization.access_level == level
    if told:
        assert organization.access_since == told[-1].occurred_at <= now
    given = access.current(organization, subscriptions.current(organization), now)
    assert given.level == organization.access_level
    if given.level == AccessLevel.RESTRICTED:
        assert any(act in given.message for act in _ACTS)
        assert any(act in told[-1].summary for act in _ACTS)
        assert organization.plan_status == PlanStatus.SUSPENDED
    return organization.access_level, organization.access_event_id
