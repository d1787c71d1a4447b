"""What an organization may use, and how much of it is left."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.enums import FeatureKind
from billing.models import PlanFeature
from billing.selectors import entitlements
from billing.selectors.entitlements import Entitlement
from orgs.models import Organization
from tests.billing.entitled import PERIOD_ENDS, give
from tests.factories import MembershipFactory, UserFactory
from tests.factories_billing import NOW, PlanFactory, PlanFeatureFactory, PlanVersionFactory

pytestmark = pytest.mark.django_db


def of(organization: Organization, feature: str, now: datetime = NOW) -> Entitlement:
    found = entitlements.get_entitlement(organization, feature, now=now)
    assert found is not None
    return found


class TestGetEntitlement:
    def test_a_switch_is_on_or_off(self, org: Organization) -> None:
        give(org, "starter")

        assert of(org, "knowledge_base") == Entitlement(
            feature="knowledge_base", kind=FeatureKind.BOOL, enabled=True, value=True
        )
        assert of(org, "sso") == Entitlement(
            feature="sso",
            kind=FeatureKind.BOOL,
            enabled=False,
            value=False,
            reason_code="not_in_plan",
            message="Starter does not include sso. Choose a plan that does.",
        )

    def test_a_limit_says_what_is_left(self, org: Organization) -> None:
        give(org, "starter")
        MembershipFactory.create_batch(2, organization=org)

        assert of(org, "users") == Entitlement(
            feature="users",
            kind=FeatureKind.LIMIT,
            enabled=True,
            value=3,
            limit=3,
            used=2,
            remaining=1,
        )

    def test_only_members_who_can_sign_in_count(
        self, org: Organization, other_org: Organization
    ) -> None:
        give(org, "starter")
        MembershipFactory.create(organization=org)
        MembershipFactory.create(organization=org, user=UserFactory.create(is_active=False))
        MembershipFactory.create(organization=other_org)

        assert of(org, "users").used == 1

    def test_a_limit_that_is_exceeded_leaves_nothing(self, org: Organization) -> None:
        give(org, "free")
        MembershipFactory.create_batch(2, organization=org)

        users = of(org, "users")
        assert (users.limit, users.used, users.remaining, users.enabled) == (1, 2, 0, True)

    def test_unlimited_is_minus_one_as_in_the_catalogue(self, org: Organization) -> None:
        version = PlanVersionFactory.create(draft=True)
        PlanFeatureFactory.create(
            plan_version=version, key="users", kind=FeatureKind.LIMIT, unlimited=True
        )
        row = give(org, "starter")
        row.plan_version = version
        row.save()

        users = of(org, "users")
        assert (users.enabled, users.value, users.limit, users.remaining) == (True, -1, -1, -1)
        assert users.used == 0

    def test_nobody_counts_until_a_counter_is_registered(self, org: Organization) -> None:
        give(org, "starter")

        messages = of(org, "messages")
        assert (messages.enabled, messages.limit) == (True, 10_000)
        assert (messages.used, messages.remaining) == (None, None)

    def test_what_is_metered_is_counted_since_the_period_began(
        self, org: Organization, counted: list[tuple[Organization, datetime | None]]
    ) -> None:
        give(org, "starter")

        messages = of(org, "messages")

        assert counted == [(org, NOW)]
        assert (messages.used, messages.remaining) == (40, 9_960)
        assert messages.resets_at == PERIOD_ENDS

    def test_a_text_is_shown_as_it_is(self, org: Organization) -> None:
        give(org, "starter")

        support = of(org, "support")
        assert (support.enabled, support.value, support.limit) == (True, "email", None)

    def test_the_free_plan_gives_what_it_gives(self, org: Organization) -> None:
        give(org, "free")

        assert of(org, "agents").enabled
        assert of(org, "agents").limit == 1
        assert of(org, "knowledge_base").message == (
            "Free does not include knowledge base. Choose a plan that does."
        )
        assert of(org, "messages").resets_at is None

    def test_grace_gives_everything_still(self, org: Organization) -> None:
        give(org, "starter", status="past_due", past_due_since=NOW)

        assert of(org, "knowledge_base").enabled

    def test_a_restriction_takes_it_away_and_says_why(self, org: Organization) -> None:
        give(org, "starter", status="past_due", past_due_since=NOW)

        seen = of(org, "knowledge_base", NOW + timedelta(days=7))

        assert (seen.enabled, seen.value, seen.reason_code) == (False, True, "grace_ended")
        assert seen.message is not None
        assert seen.message.endswith("Update your card to go on.")
        users = of(org, "users", NOW + timedelta(days=7))
        assert (users.enabled, users.limit, users.used) == (False, 3, 0)

    def test_without_a_plan_there_is_nothing_and_the_reason(self, org: Organization) -> None:
        give(org, "starter", status="canceled")

        users = of(org, "users")
        assert (users.enabled, users.limit, users.remaining) == (False, 0, 0)
        assert users.reason_code == "ended"

    def test_what_was_sold_stays_although_a_new_version_says_otherwise(
        self, org: Organization
    ) -> None:
        row = give(org, "starter")
        newer = PlanVersionFactory.create(plan=row.plan_version.plan, version=2, draft=True)
        PlanFeatureFactory.create(plan_version=newer, key="users", kind=FeatureKind.LIMIT, limit=99)
        newer.published_at = timezone.now()
        newer.save()

        assert of(org, "users").limit == 3

    def test_what_a_plan_has_never_heard_of_is_known_from_the_others(
        self, org: Organization
    ) -> None:
        give(org, "starter")
        version = PlanVersionFactory.create(plan=PlanFactory.create(code="other"), draft=True)
        PlanFeatureFactory.create(
            plan_version=version, key="robots", kind=FeatureKind.LIMIT, limit=5
        )
        version.published_at = NOW
        version.save()

        robots = of(org, "robots")
        assert (robots.enabled, robots.limit, robots.value) == (False, 0, 0)
        assert robots.reason_code == "not_in_plan"

    @pytest.mark.parametrize("name", ["nothing", "", "users\x00", "ü", "users/", "x" * 51])
    def test_knows_no_others(self, org: Organization, name: str) -> None:
        give(org, "starter")

        assert entitlements.get_entitlement(org, name, now=NOW) is None

    def test_takes_three_queries(self, org: Organization, django_assert_num_queries: Any) -> None:
        give(org, "starter")

        with django_assert_num_queries(3):  # subscription, feature, members
            of(org, "users")


class TestEntitlementsOf:
    def test_lists_every_feature_once_in_the_order_of_the_plan(self, org: Organization) -> None:
        row = give(org, "starter")

        found = [row.feature for row in entitlements.entitlements_of(org, now=NOW)]

        plan = PlanFeature.objects.filter(plan_version=row.plan_version).order_by("rank")
        assert found == list(plan.values_list("key", flat=True))

    def test_lists_what_could_be_had_before_there_is_a_plan(self, org: Organization) -> None:
        give(org, "starter", status="incomplete", activated_at=None)

        found = entitlements.entitlements_of(org, now=NOW)

        assert {row.reason_code for row in found} == {"payment_incomplete"}
        assert len(found) == 10
