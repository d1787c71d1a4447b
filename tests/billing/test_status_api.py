"""Where an organization stands, over HTTP: local, by the time, and with the line that says why."""

from datetime import timedelta
from typing import Any

import pytest

from billing.models import BillingEvent
from billing.services import grace
from orgs.models import Organization, User
from tests.billing.entitled import give
from tests.conftest import Api
from tests.factories_billing import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the business clock."""

    def set_clock(**later: int) -> None:
        monkeypatch.setattr("orgs.clock.now", lambda *_: NOW + timedelta(**later))

    set_clock()
    return set_clock


class TestStatus:
    def test_names_the_line_that_says_why(
        self, api: Api, alice: User, org: Organization, at: Any
    ) -> None:
        give(org, "starter")
        line = BillingEvent.objects.get(type="billing.access.changed")

        status = api(alice).get("/api/v1/billing/status").json()

        assert status["access"] == {
            "level": "full",
            "reason_code": "active",
            "message": "Starter is active.",
            "until": "2026-04-01T12:00:00Z",
            "since": "2026-03-01T12:00:00Z",
            "caused_by_event": str(line.pk),
        }

    def test_of_a_newcomer_has_no_line_yet(self, api: Api, alice: User, at: Any) -> None:
        access = api(alice).get("/api/v1/billing/status").json()["access"]

        assert (access["level"], access["reason_code"]) == ("none", "no_subscription")
        assert (access["since"], access["caused_by_event"]) == (None, None)

    def test_is_right_although_the_sweep_is_late(
        self, api: Api, alice: User, org: Organization, at: Any
    ) -> None:
        give(org, "starter", status="past_due", past_due_since=NOW)
        path = f"/api/v1/billing/tenants/{org.pk}/status"
        at(days=7, minutes=3)

        late = api(alice).get(path).json()
        grace.end_grace(now=NOW + timedelta(days=7, minutes=4))
        swept = api(alice).get(path).json()

        assert late["plan_status"] == swept["plan_status"] == "SUSPENDED"
        assert late["access"]["level"] == swept["access"]["level"] == "restricted"
        assert late["access"]["since"] == swept["access"]["since"] == "2026-03-08T12:00:00Z"
        assert late["access"]["caused_by_event"] is None
        line = BillingEvent.objects.get(pk=swept["access"]["caused_by_event"])
        assert line.cause["kind"] == "sweep"
        assert line.summary == swept["access"]["message"]

    def test_still_shows_what_the_plan_gives_while_restricted(
        self, api: Api, alice: User, org: Organization, at: Any
    ) -> None:
        give(org, "starter", status="unpaid")

        assert api(alice).get("/api/v1/billing/status").json()["features"]["users"] == 3

    def test_takes_a_handful_of_queries(
        self,
        api: Api,
        alice: User,
        org: Organization,
        at: Any,
        django_assert_num_queries: Any,
    ) -> None:
        give(org, "starter")
        client = api(alice)

        with django_assert_num_queries(4):  # user, membership, subscription, features
            client.get("/api/v1/billing/status")
