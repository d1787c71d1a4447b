"""What an organization may use, over HTTP."""

import pytest

from orgs.models import Organization, User
from tests.billing.entitled import give
from tests.conftest import Api
from tests.factories_billing import NOW

pytestmark = pytest.mark.django_db


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
