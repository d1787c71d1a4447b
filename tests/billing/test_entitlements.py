"""What an organization may use, and how much of it is left."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.enums import FeatureKind
from billing.errors import SubscriptionInactive, UsageLimit
from billing.models import PlanFeature
from billing.selectors import entitlements
from billing.selectors.entitlements import Entitlement
from orgs.models import Organization, User
from tests.billing.entitled import give
from tests.conftest import Api
from tests.factories import MembershipFactory, UserFactory
from tests.factories_billing import NOW, PlanFactory, PlanFeatureFactory, PlanVersionFactory

pytestmark = pytest.mark.django_db

PERIOD_ENDS = NOW + timedelta(days=31)


@pytest.fixture
def counted() -> Iterator[list[tuple[Organization, datetime | None]]]:
    """Count 40 messages for everybody; yields who was asked about, and since when."""
    asked: list[tuple[Organization, datetime | None]] = []

    def counter(organization: Organization, since: datetime | None) -> int:
        asked.append((organization, since))
        return 40

    entitlements.register_counter("messages", counter)
    yield asked
    entitlements.unregister_counter("messages")


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


class TestRequireAccess:
    @pytest.mark.parametrize("status", ["active", "trialing", "past_due"])
    def test_lets_pass(self, org: Organization, status: str) -> None:
        give(org, "starter", status=status, past_due_since=NOW)

        entitlements.require_access(org, now=NOW)

    @pytest.mark.parametrize(
        ("status", "reason"),
        [("unpaid", "unpaid"), ("paused", "paused"), ("canceled", "ended")],
    )
    def test_refuses_with_the_reason(self, org: Organization, status: str, reason: str) -> None:
        give(org, "starter", status=status)

        with pytest.raises(SubscriptionInactive) as refused:
            entitlements.require_access(org, now=NOW)

        assert refused.value.fields == {"reason_code": [reason]}
        assert "Starter" in refused.value.message


class TestRequireEntitlement:
    def test_lets_pass_while_something_is_left(self, org: Organization) -> None:
        give(org, "starter")
        MembershipFactory.create_batch(2, organization=org)

        assert entitlements.require_entitlement(org, "users", now=NOW).remaining == 1
        with pytest.raises(UsageLimit) as refused:
            entitlements.require_entitlement(org, "users", now=NOW, quantity=2)
        assert refused.value.message == (
            "Your plan's limit for users is 3; in use: 2. Choose a larger plan to go on."
        )
        assert refused.value.fields == {"feature": ["users"]}

    def test_says_when_there_is_more_of_what_is_metered(
        self, org: Organization, counted: list[Any]
    ) -> None:
        give(org, "free", current_period_end=PERIOD_ENDS)

        with pytest.raises(UsageLimit) as refused:
            entitlements.require_entitlement(org, "messages", now=NOW, quantity=961)

        assert refused.value.message == (
            "Your plan's limit for messages in a period is 1,000; used: 40. "
            "There will be more on 1 April 2026. Choose a larger plan to go on."
        )
        entitlements.require_entitlement(org, "messages", now=NOW, quantity=960)

    def test_lets_pass_what_nobody_counts(self, org: Organization) -> None:
        give(org, "starter")

        entitlements.require_entitlement(org, "messages", now=NOW, quantity=10**9)

    def test_refuses_what_the_plan_does_not_include(self, org: Organization) -> None:
        give(org, "starter")

        with pytest.raises(SubscriptionInactive) as refused:
            entitlements.require_entitlement(org, "fine_tuning", now=NOW)

        assert refused.value.message == (
            "Starter does not include fine tuning. Choose a plan that does."
        )
        assert refused.value.fields == {
            "reason_code": ["not_in_plan"],
            "feature": ["fine_tuning"],
        }

    def test_a_misspelt_feature_is_a_mistake_of_the_caller(self, org: Organization) -> None:
        give(org, "starter")

        with pytest.raises(LookupError, match="knowlege_base"):
            entitlements.require_entitlement(org, "knowlege_base", now=NOW)


class TestEntitlementsApi:
    @pytest.fixture
    def _now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orgs.clock.now", lambda *_: NOW)

    @pytest.mark.usefixtures("_now")
    def test_lists_in_the_shape_of_lists_on_both_paths(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        give(org, "starter")

        short = api(alice).get("/api/v1/billing/entitlements")
        long = api(alice).get(f"/api/v1/billing/tenants/{org.pk}/entitlements")

        assert short.status_code == long.status_code == 200
        assert short.json() == long.json()
        assert short.json()["next_cursor"] is None
        assert [row["feature"] for row in short.json()["data"]][:3] == [
            "agents",
            "messages",
            "users",
        ]

    @pytest.mark.usefixtures("_now", "counted")
    def test_shows_one(self, api: Api, bob: User, org: Organization) -> None:
        give(org, "starter")

        for path in ("/billing", f"/billing/tenants/{org.pk}"):
            answer = api(bob).get(f"/api/v1{path}/entitlements/messages")
            assert answer.status_code == 200
            assert answer.json() == {
                "feature": "messages",
                "kind": "metered",
                "enabled": True,
                "value": 10_000,
                "limit": 10_000,
                "used": 40,
                "remaining": 9_960,
                "resets_at": "2026-04-01T12:00:00Z",
                "reason_code": None,
                "message": None,
            }

    @pytest.mark.parametrize("feature", ["nothing", "%00", "users%2F..", "%F0%9F%8D%95"])
    def test_an_unknown_feature_is_not_found(
        self, api: Api, alice: User, org: Organization, feature: str
    ) -> None:
        give(org, "starter")

        answer = api(alice).get(f"/api/v1/billing/entitlements/{feature}")

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")

    def test_another_tenant_is_not_found(self, api: Api, charlie: User, org: Organization) -> None:
        give(org, "starter")

        for path in ("entitlements", "entitlements/users"):
            answer = api(charlie).get(f"/api/v1/billing/tenants/{org.pk}/{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert api().get("/api/v1/billing/entitlements").status_code == 401
