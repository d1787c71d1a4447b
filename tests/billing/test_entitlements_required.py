"""Letting pass what an organization may use, and refusing the rest with the reason."""

from typing import Any

import pytest

from billing.errors import SubscriptionInactive, UsageLimit
from billing.selectors import entitlements
from orgs.models import Organization
from tests.billing.entitled import PERIOD_ENDS, give
from tests.factories import MembershipFactory
from tests.factories_billing import NOW

pytestmark = pytest.mark.django_db


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
