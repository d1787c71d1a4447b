"""Changes by PATCH, and such that wait for the end of the period, over HTTP."""

from typing import Any

import pytest

from tests.billing.api_caller import Caller, error_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


PLAN = "/billing/subscription/plan"


class TestScheduledChange:
    def test_waits_for_the_end_of_the_period_and_can_be_withdrawn(self, paying: Caller) -> None:
        answer = paying.post(PLAN, {"plan": "professional", "effective": "period_end"})

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert shown["plan"]["slug"] == "starter"
        assert shown["pending_change"]["kind"] == "scheduled"
        assert shown["pending_change"]["plan"]["slug"] == "professional"
        assert shown["pending_change"]["effective_at"] == shown["current_period_end"]
        second = paying.patch("/billing/subscription", {"seats": 9})
        assert (second.status_code, error_of(second)["code"]) == (409, "CONFLICT")

        withdrawn = paying.delete("/billing/subscription/pending-change")

        assert (withdrawn.status_code, withdrawn.json()["pending_change"]) == (200, None)
        assert paying.patch("/billing/subscription", {"seats": 9}).status_code == 200

    def test_nothing_to_withdraw_is_a_conflict(self, paying: Caller) -> None:
        answer = paying.delete("/billing/subscription/pending-change")

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")


class TestPatch:
    def test_changes_renewal_seats_and_address_together(self, paying: Caller) -> None:
        answer = paying.patch(
            "/billing/subscription",
            {"auto_renew": False, "seats": 3, "billing_email": "books@bistro.test"},
        )

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert (shown["seats"], shown["auto_renew"]) == (3, False)
        assert shown["billing_email"] == "books@bistro.test"

    def test_takes_a_plan_by_its_id(self, paying: Caller) -> None:
        plans = {row["slug"]: row["id"] for row in paying.get("/billing/plans").json()["data"]}

        answer = paying.patch("/billing/subscription", {"plan_id": plans["professional"]})

        assert (answer.status_code, answer.json()["plan"]["slug"]) == (200, "professional")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "body"),
            ({"effective": "now"}, "body"),
            ({"seats": "many"}, "seats"),
            ({"billing_email": "nobody"}, "billing_email"),
            ({"auto_renew": "perhaps"}, "auto_renew"),
            ({"status": "active"}, "status"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, paying: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = paying.patch("/billing/subscription", body)

        assert (answer.status_code, error_of(answer)["code"]) == (400, "INVALID_REQUEST")
        assert list(error_of(answer)["fields"]) == [field]

    def test_the_setup_token_may_not(self, setup: Caller, paying: Caller) -> None:
        answer = setup.patch("/billing/subscription", {"seats": 3})

        assert (answer.status_code, error_of(answer)["code"]) == (403, "PERMISSION_DENIED")

    def test_without_a_subscription_it_is_404(self, owner: Caller) -> None:
        answer = owner.patch("/billing/subscription", {"seats": 3})

        assert (answer.status_code, error_of(answer)["code"]) == (404, "NOT_FOUND")
