"""Refusing a change to less than is in use."""

from collections.abc import Iterator

import pytest

from billing.models import PlanVersion
from billing.selectors import entitlements
from billing.services import limits
from orgs.models import Organization
from tests.billing.entitled import give
from tests.factories import MembershipFactory
from tests.factories_billing import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def used() -> Iterator[dict[str, int]]:
    """What a counter says; empty the dict's values to count less."""
    counts = {"agents": 0, "messages": 0}
    entitlements.register_counter("agents", lambda *_: counts["agents"])
    entitlements.register_counter("messages", lambda *_: counts["messages"])
    yield counts
    for feature in list(counts):
        entitlements.unregister_counter(feature)


def version_of(plan: str) -> PlanVersion:
    return PlanVersion.objects.get(plan__code=plan)


class TestCheckFits:
    def test_lets_a_change_pass_that_fits(self, org: Organization, used: dict[str, int]) -> None:
        give(org, "professional")
        MembershipFactory.create_batch(3, organization=org)
        used |= {"agents": 5, "messages": 10_000}

        limits.check_fits(organization=org, plan_version=version_of("starter"), seats=1)

    def test_names_every_limit_that_is_exceeded(
        self, org: Organization, used: dict[str, int]
    ) -> None:
        give(org, "professional")
        MembershipFactory.create_batch(4, organization=org)
        used |= {"agents": 6, "messages": 10_001}

        with pytest.raises(limits.DoesNotFit) as refused:
            limits.check_fits(organization=org, plan_version=version_of("starter"), seats=1)

        assert (refused.value.code, refused.value.status) == ("CONFLICT", 409)
        assert refused.value.fields == {
            "agents": ["In use: 6; the plan allows 5."],
            "messages": ["In use: 10,001; the plan allows 10,000."],
            "users": ["In use: 4; the plan allows 3."],
        }

    def test_what_starts_anew_does_not_speak_against_the_next_period(
        self, org: Organization, used: dict[str, int]
    ) -> None:
        give(org, "professional")
        used |= {"messages": 99_999}

        limits.check_fits(
            organization=org, plan_version=version_of("starter"), seats=1, at_period_end=True
        )

    def test_whoever_is_over_a_limit_may_still_move_up_or_stay(
        self, org: Organization, used: dict[str, int]
    ) -> None:
        row = give(org, "starter")
        used |= {"agents": 30}

        for version in (row.plan_version, version_of("professional")):
            limits.check_fits(organization=org, plan_version=version, seats=2)

        with pytest.raises(limits.DoesNotFit):
            limits.check_fits(organization=org, plan_version=version_of("free"), seats=1)

    def test_a_plan_without_limits_takes_everything(
        self, org: Organization, used: dict[str, int]
    ) -> None:
        give(org, "starter")
        used |= {"agents": 10**6, "messages": 10**9}

        limits.check_fits(organization=org, plan_version=version_of("enterprise"), seats=1)

    def test_seats_must_not_become_fewer_than_members(self, org: Organization) -> None:
        row = give(org, "starter", seats=3)
        MembershipFactory.create_batch(3, organization=org)

        with pytest.raises(limits.DoesNotFit) as refused:
            limits.check_fits(organization=org, plan_version=row.plan_version, seats=2)

        assert refused.value.fields == {
            "seats": ["3 people are members: remove some, or keep their seats."]
        }
        limits.check_fits(organization=org, plan_version=row.plan_version, seats=3)

    def test_nobody_has_to_buy_a_seat_for_each_member(self, org: Organization) -> None:
        row = give(org, "starter", seats=1)
        MembershipFactory.create_batch(3, organization=org)

        limits.check_fits(organization=org, plan_version=row.plan_version, seats=1)

    def test_without_a_subscription_only_the_limits_count(self, org: Organization) -> None:
        give(org, "starter", status="canceled", ended_at=NOW)
        MembershipFactory.create_batch(2, organization=org)

        with pytest.raises(limits.DoesNotFit):
            limits.check_fits(organization=org, plan_version=version_of("free"), seats=1)
