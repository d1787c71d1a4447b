"""What an organization may do, and the sentence that explains it."""

from datetime import UTC, datetime

import pytest

from billing.enums import AccessLevel, SubscriptionStatus
from billing.selectors import access
from billing.services import standing
from orgs.models import PlanStatus
from tests.billing.builders import make_subscription

pytestmark = pytest.mark.django_db

ENDS = datetime(2026, 5, 3, tzinfo=UTC)


class TestAccessOf:
    def test_nothing_without_a_subscription(self) -> None:
        seen = access.access_of(None)

        assert (seen.level, seen.reason_code) == (AccessLevel.NONE, "no_subscription")

    @pytest.mark.parametrize(
        ("status", "level", "reason"),
        [
            ("incomplete", AccessLevel.NONE, "payment_incomplete"),
            ("incomplete_expired", AccessLevel.NONE, "ended"),
            ("trialing", AccessLevel.FULL, "trialing"),
            ("active", AccessLevel.FULL, "active"),
            ("past_due", AccessLevel.GRACE, "payment_overdue"),
            ("unpaid", AccessLevel.RESTRICTED, "unpaid"),
            ("paused", AccessLevel.RESTRICTED, "paused"),
            ("canceled", AccessLevel.NONE, "ended"),
        ],
    )
    def test_follows_the_status(self, status: str, level: AccessLevel, reason: str) -> None:
        seen = access.access_of(make_subscription(status=status))

        assert (seen.level, seen.reason_code) == (level, reason)
        assert "Bistro" in seen.message

    def test_says_when_it_ends(self) -> None:
        subscription = make_subscription(
            status="active", cancel_at_period_end=True, current_period_end=ENDS
        )

        seen = access.access_of(subscription)

        assert seen.message == "Bistro is active and ends on 3 May 2026."
        assert seen.until == ENDS

    def test_says_until_when_the_trial_goes(self) -> None:
        seen = access.access_of(make_subscription(status="trialing", trial_end=ENDS))

        assert seen.message == "Bistro is in its trial until 3 May 2026."

    def test_every_status_has_a_rule(self) -> None:
        assert set(access._RULES) == set(SubscriptionStatus)


class TestPlanStatusOf:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("trialing", PlanStatus.ACTIVE),
            ("active", PlanStatus.ACTIVE),
            ("past_due", PlanStatus.PAST_DUE),
            ("unpaid", PlanStatus.SUSPENDED),
            ("paused", PlanStatus.SUSPENDED),
        ],
    )
    def test_follows_a_live_subscription(self, status: str, expected: PlanStatus) -> None:
        subscription = make_subscription(status=status)

        assert standing.plan_status_of(subscription, was_active=True) == expected

    def test_tells_a_newcomer_from_one_who_left(self) -> None:
        assert standing.plan_status_of(None, was_active=False) == PlanStatus.PENDING_PAYMENT
        assert standing.plan_status_of(None, was_active=True) == PlanStatus.CANCELED
