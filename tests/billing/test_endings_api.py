"""Ending, pausing and resuming over HTTP, against the simulated Stripe."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import BillingEvent, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


def last_event() -> BillingEvent:
    found = BillingEvent.objects.exclude(type="billing.access.changed").order_by("-sequence")
    return found[0]


class TestCancel:
    def test_ends_with_the_period_and_can_be_taken_back(self, paying: Caller) -> None:
        answer = paying.post(
            "/billing/subscription/cancel",
            {"mode": "period_end", "reason": "too_expensive", "comment": "Too much"},
        )

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert (shown["status"], shown["cancel_at_period_end"]) == ("active", True)
        assert shown["auto_renew"] is False
        row = Subscription.objects.get()
        assert (row.cancel_reason, row.cancel_comment) == ("too_expensive", "Too much")
        status = paying.get("/billing/status").json()
        assert status["cancels_at"] == shown["current_period_end"]
        assert status["renews_at"] is None
        assert status["access"]["level"] == "full"
        assert last_event().type == "billing.subscription.cancel_scheduled"

        kept = paying.post("/billing/subscription/resume")

        assert kept.status_code == 200, kept.content
        assert kept.json()["auto_renew"] is True
        assert Subscription.objects.get().cancel_reason == ""
        assert last_event().type == "billing.subscription.cancel_withdrawn"

    def test_ends_at_once(self, paying: Caller) -> None:
        answer = paying.post("/billing/subscription/cancel", {"mode": "now"})

        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
        status = paying.get("/billing/status").json()
        assert (status["plan_status"], status["access"]["level"]) == ("CANCELED", "none")

    @pytest.mark.parametrize(
        ("query", "status"),
        [("", "active"), ("?immediate=false", "active"), ("?immediate=true", "canceled")],
    )
    def test_delete_is_the_same(self, paying: Caller, query: str, status: str) -> None:
        answer = paying.delete(f"/billing/subscription{query}")

        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer.json()["auto_renew"] is False

    @pytest.mark.parametrize("query", ["?immediate=maybe", "?now=true"])
    def test_refuses_what_it_does_not_understand(self, paying: Caller, query: str) -> None:
        answer = paying.delete(f"/billing/subscription{query}")

        assert (answer.status_code, error_of(answer)["code"]) == (400, "INVALID_REQUEST")
        assert Subscription.objects.get().auto_renew is True

    def test_twice_is_once(self, paying: Caller, stripe: StripeSimulator) -> None:
        paying.post("/billing/subscription/cancel", {"mode": "period_end"})
        since = stripe.calls_so_far()

        answer = paying.post("/billing/subscription/cancel", {"mode": "period_end"})

        assert (answer.status_code, answer.json()["auto_renew"]) == (200, False)
        assert stripe.requests(since) == []

    def test_the_free_plan_ends_at_once(self, owner: Caller) -> None:
        owner.post("/billing/subscription", {"plan": "free"})

        answer = owner.post("/billing/subscription/cancel", {"mode": "period_end"})

        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
        assert owner.get("/billing/status").json()["plan_status"] == "CANCELED"

    def test_an_unfinished_start_is_given_up(self, owner: Caller) -> None:
        owner.post("/billing/subscription", {"plan": "starter"})
        assert Subscription.objects.get().status == "incomplete"

        answer = owner.post("/billing/subscription/cancel", {"mode": "now"})

        assert answer.status_code == 200, answer.content
        assert Subscription.objects.get().is_final

    def test_nothing_to_cancel_is_404(self, owner: Caller) -> None:
        answer = owner.post("/billing/subscription/cancel", {"mode": "now"})

        assert (answer.status_code, error_of(answer)["code"]) == (404, "NOT_FOUND")

    def test_withdraws_a_scheduled_change(self, paying: Caller) -> None:
        paying.patch("/billing/subscription", {"seats": 5, "effective": "period_end"})

        answer = paying.post("/billing/subscription/cancel", {"mode": "period_end"})

        assert answer.status_code == 200, answer.content
        assert answer.json()["pending_change"] is None
        assert answer.json()["cancel_at_period_end"] is True

    def test_provider_down_changes_nothing(self, paying: Caller, stripe: StripeSimulator) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", status=429)

        answer = paying.post("/billing/subscription/cancel", {"mode": "period_end"})

        assert (answer.status_code, error_of(answer)["code"]) == (429, "RATE_LIMIT")
        assert Subscription.objects.get().auto_renew is True

    def test_a_lost_answer_is_asked_for(self, paying: Caller, stripe: StripeSimulator) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_after")

        answer = paying.post("/billing/subscription/cancel", {"mode": "period_end"})

        assert (answer.status_code, answer.json()["auto_renew"]) == (200, False)


class TestPause:
    def test_restricts_access_until_it_is_resumed(self, paying: Caller) -> None:
        answer = paying.post("/billing/subscription/pause")

        assert (answer.status_code, answer.json()["status"]) == (200, "paused")
        status = paying.get("/billing/status").json()
        assert status["plan_status"] == "SUSPENDED"
        assert (status["access"]["level"], status["access"]["reason_code"]) == (
            "restricted",
            "paused",
        )

        resumed = paying.post("/billing/subscription/resume")

        assert (resumed.status_code, resumed.json()["status"]) == (200, "active")
        assert paying.get("/billing/status").json()["access"]["level"] == "full"

    def test_says_when_it_ends_by_itself(self, paying: Caller) -> None:
        resumes_at = (timezone.now() + timedelta(days=40)).replace(microsecond=0)

        answer = paying.post("/billing/subscription/pause", {"resumes_at": resumes_at.isoformat()})

        assert answer.json()["resumes_at"] == resumes_at.isoformat().replace("+00:00", "Z")

    @pytest.mark.parametrize("days", [-1, 400])
    def test_refuses_a_time_that_is_past_or_far_away(self, paying: Caller, days: int) -> None:
        resumes_at = (timezone.now() + timedelta(days=days)).isoformat()

        answer = paying.post("/billing/subscription/pause", {"resumes_at": resumes_at})

        assert answer.status_code == 400
        assert list(error_of(answer)["fields"]) == ["resumes_at"]
        assert Subscription.objects.get().status == "active"

    def test_refuses_one_that_ends(self, paying: Caller) -> None:
        paying.post("/billing/subscription/cancel", {"mode": "period_end"})

        answer = paying.post("/billing/subscription/pause")

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")


class TestResume:
    def test_refuses_what_goes_on_anyway(self, paying: Caller) -> None:
        answer = paying.post("/billing/subscription/resume")

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")
