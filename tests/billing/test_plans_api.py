from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIRequestFactory

from billing.api.plans import PlansView
from billing.models import Price
from orgs.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def _seeded() -> None:
    call_command("seed_plans", verbosity=0)


def get(**headers: str) -> Any:
    request = APIRequestFactory().get("/api/v1/billing/plans", headers=headers)
    return PlansView.as_view()(request)


@pytest.mark.usefixtures("_seeded")
class TestPlans:
    def test_shows_each_plan_in_the_contract_s_shape(self) -> None:
        body = get().data

        starter = body["data"][1]
        month = Price.objects.get(plan_version__plan__code="starter", interval="month")
        assert body["next_cursor"] is None
        assert set(starter) == {
            "id",
            "slug",
            "name",
            "description",
            "version",
            "features",
            "scopes",
            "prices",
            "contact_sales",
        }
        assert starter["id"] == str(month.plan_version.plan_id)
        assert (starter["slug"], starter["name"], starter["version"]) == ("starter", "Starter", 1)
        assert starter["contact_sales"] is False
        assert starter["prices"][0] == {
            "id": str(month.pk),
            "interval": "month",
            "currency": "USD",
            "amount": 2900,
            "amount_decimal": "29.00",
            "usage_type": "licensed",
            "trial_days": 0,
        }

    def test_shows_features_with_their_own_types(self) -> None:
        features = {plan["slug"]: plan["features"] for plan in get().data["data"]}

        assert features["starter"] == {
            "agents": 5,
            "messages": 10_000,
            "users": 3,
            "storage_mb": 1_000,
            "knowledge_base": True,
            "workflows": True,
            "fine_tuning": False,
            "sso": False,
            "sla": False,
            "support": "email",
        }
        assert features["enterprise"]["agents"] == -1

    def test_derives_the_scopes(self) -> None:
        scopes = {plan["slug"]: plan["scopes"] for plan in get().data["data"]}

        assert scopes["free"] == [
            "feature:agents",
            "feature:messages",
            "feature:users",
            "feature:storage_mb",
        ]
        assert "feature:sso" in scopes["enterprise"]

    def test_shows_enterprise_without_prices(self) -> None:
        enterprise = get().data["data"][-1]

        assert (enterprise["prices"], enterprise["contact_sales"]) == ([], True)

    def test_is_public_whatever_is_sent_along(self) -> None:
        assert get().status_code == 200
        assert get(Authorization="Bearer nonsense").status_code == 200

    @pytest.mark.parametrize("path", ["/api/v1/billing/plans", "/api/v1/billing/plans/"])
    def test_answers_at_both_spellings(self, api: Callable[..., Any], path: str) -> None:
        response = api().get(path)

        assert response.status_code == 200
        assert [plan["slug"] for plan in response.json()["data"]] == [
            "free",
            "starter",
            "professional",
            "enterprise",
        ]

    def test_answers_every_credential(self, api: Callable[..., Any], alice: User) -> None:
        for who in (alice, "till_test_nonsense"):
            assert api(who).get("/api/v1/billing/plans").status_code == 200

    def test_stays_at_three_queries(self, django_assert_num_queries: Callable[..., Any]) -> None:
        with django_assert_num_queries(3):
            get()


def test_is_an_empty_list_before_anything_is_on_sale() -> None:
    assert get().data == {"data": [], "next_cursor": None}
