"""Denying critical actions: the host application in docs/entitlements.md, as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from billing.api.permissions import requires_access, requires_entitlement
from billing.pages.gates import entitlement_required
from orgs.models import Organization, User
from orgs.permissions import Scope
from tests.billing.entitled import give
from tests.conftest import Api
from tests.factories import UserFactory, make_api_key
from tests.factories_billing import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

DOC = Path(__file__).parents[2] / "docs" / "entitlements.md"
ARTICLES = "/api/v1/billing/articles"


def example() -> dict[str, Any]:
    """Run the application in the document; return what it defines."""
    blocks = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    (source,) = [block for block in blocks if "urlpatterns" in block]
    defined: dict[str, Any] = {"__name__": "the_example_in_the_document"}
    exec(compile(source, str(DOC), "exec"), defined)  # noqa: S102 - our own document
    return defined


class AnyView(APIView):
    """A view of a host that knows nothing of our bases."""

    permission_classes = (requires_entitlement("knowledge_base"),)

    def get(self, request: Any) -> Response:
        return Response({})


class TeamView(APIView):
    permission_classes = (requires_access(methods={"POST"}), requires_entitlement("users"))

    def get(self, request: Any) -> Response:
        return Response({})


urlpatterns = [
    *example()["urlpatterns"],
    path("api/v1/any", AnyView.as_view()),
    path("api/v1/team", TeamView.as_view()),
    path("", include("config.urls")),
]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgs.clock.now", lambda *_: NOW)


def error_of(response: Any) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


class TestRequiresEntitlement:
    def test_lets_pass_who_has_it_on_both_paths(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        give(org, "starter")

        for address in (ARTICLES, f"/api/v1/billing/tenants/{org.pk}/articles"):
            assert api(alice).post(address, {}).status_code == 201

    def test_refuses_what_the_plan_does_not_include(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        give(org, "free")

        answer = api(alice).post(ARTICLES, {})

        assert answer.status_code == 402
        error = error_of(answer)
        assert error["trace_id"] == answer.headers["X-Request-ID"]
        assert (error["code"], error["message"]) == (
            "SUBSCRIPTION_INACTIVE",
            "Free does not include knowledge base. Choose a plan that does.",
        )
        assert error["fields"] == {
            "reason_code": ["not_in_plan"],
            "feature": ["knowledge_base"],
        }

    def test_refuses_with_the_sentence_about_access(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        give(org, "starter", status="paused")

        answer = api(alice).post(ARTICLES, {})

        assert answer.status_code == 402
        assert error_of(answer)["message"] == (
            "Access is restricted: Starter is paused. Resume it to go on."
        )
        assert error_of(answer)["fields"]["reason_code"] == ["paused"]

    def test_grace_still_allows(self, api: Api, alice: User, org: Organization) -> None:
        give(org, "starter", status="past_due", past_due_since=NOW)

        assert api(alice).post(ARTICLES, {}).status_code == 201

    def test_asks_of_no_other_method(self, api: Api, alice: User, org: Organization) -> None:
        give(org, "starter", status="paused")

        assert api(alice).get(ARTICLES).status_code == 200

    def test_asks_api_keys_as_well(self, api: Api, org: Organization) -> None:
        give(org, "free")

        _, key = make_api_key(org, Scope.BILLING_WRITE)

        assert api(key).post(ARTICLES, {}).status_code == 402

    def test_tells_a_stranger_nothing(
        self, api: Api, bob: User, charlie: User, org: Organization
    ) -> None:
        give(org, "free")
        long = f"/api/v1/billing/tenants/{org.pk}/articles"

        assert api().post(ARTICLES, {}).status_code == 401
        assert api(charlie).post(long, {}).status_code == 404
        assert api(bob).post(long, {}).status_code == 403

    def test_stores_no_answer_under_the_key(self, api: Api, alice: User, org: Organization) -> None:
        row = give(org, "starter", status="paused")
        client = api(alice)
        assert client.post(ARTICLES, {}, headers={"Idempotency-Key": "a"}).status_code == 402
        row.status = "active"
        row.save()

        assert client.post(ARTICLES, {}, headers={"Idempotency-Key": "a"}).status_code == 201

    def test_denies_at_the_limit(self, api: Api, alice: User, org: Organization) -> None:
        give(org, "free")

        answer = api(alice).get("/api/v1/team")

        assert answer.status_code == 402
        assert error_of(answer)["code"] == "USAGE_LIMIT"
        assert error_of(answer)["fields"] == {"feature": ["users"]}

    def test_guards_views_of_any_base(self, api: Api, alice: User, org: Organization) -> None:
        row = give(org, "starter")

        assert api(alice).get("/api/v1/any").status_code == 200
        row.status = "unpaid"
        row.save()
        assert api(alice).get("/api/v1/any").status_code == 402
        assert api().get("/api/v1/any").status_code == 401


class TestRequiresAccess:
    def test_asks_for_any_plan(self, api: Api, alice: User, org: Organization) -> None:
        assert error_of(api(alice).get("/api/v1/billing/export")) | {"trace_id": ""} == {
            "code": "SUBSCRIPTION_INACTIVE",
            "message": "Choose a plan and pay to start using the service.",
            "trace_id": "",
            "fields": {"reason_code": ["no_subscription"]},
        }

        give(org, "free")

        assert api(alice).get("/api/v1/billing/export").status_code == 200

    def test_a_method_that_does_not_exist_is_no_action(self, api: Api, alice: User) -> None:
        assert api(alice).post("/api/v1/billing/export", {}).status_code == 405


class TestEntitlementRequired:
    def test_runs_the_page_while_something_is_left(self, payer: Client, org: Organization) -> None:
        give(org, "starter")

        assert payer.get("/colleagues/new").content == b"Whom shall we invite?"

    def test_shows_a_page_that_says_why_not(self, payer: Client, org: Organization) -> None:
        give(org, "free")

        answer = payer.get("/colleagues/new")

        assert answer.status_code == 402
        assert answer["Cache-Control"] == "no-store"
        html = answer.content.decode()
        assert "limit for users is 1; in use: 1. Choose a larger plan to go on." in html
        assert 'href="/settings/billing"' in html

    def test_answers_programs_in_json(self, payer: Client, org: Organization) -> None:
        give(org, "free")

        answer = payer.get("/colleagues/new", headers={"Accept": "application/json"})

        assert (answer.status_code, error_of(answer)["code"]) == (402, "USAGE_LIMIT")

    def test_sends_a_stranger_to_sign_in(self, client: Client) -> None:
        answer = client.get("/colleagues/new?from=mail")

        assert answer.status_code == 302
        assert answer["Location"] == "/login?next=/colleagues/new%3Ffrom%3Dmail"

    def test_refuses_a_member_of_nothing(self, client: Client) -> None:
        client.force_login(UserFactory.create())

        assert client.get("/colleagues/new").status_code == 403

    def test_takes_the_organization_of_the_host(self, org: Organization) -> None:
        give(org, "free")
        asked = []

        def of_subdomain(request: Any) -> Organization:
            asked.append(request.path)
            return org

        view = entitlement_required("agents", quantity=1, organization=of_subdomain)(
            lambda _: Response({})
        )

        assert view(RequestFactory().get("/x")).status_code == 200
        assert asked == ["/x"]
        assert view.__name__ == "<lambda>"

    def test_leaves_the_views_own_trouble_alone(self, org: Organization) -> None:
        give(org, "free")

        @entitlement_required("agents", organization=lambda _: org)
        def broken(request: Any) -> Any:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            broken(APIRequestFactory().get("/x"))


class TestAccessRequired:
    def test_passes_arguments_on(self, payer: Client, org: Organization) -> None:
        give(org, "starter")

        assert payer.get("/workshops/7").content == b"Workshop 7"

    def test_says_why_not(self, payer: Client, org: Organization) -> None:
        give(org, "starter", status="unpaid")

        answer = payer.get("/workshops/7")

        assert answer.status_code == 402
        assert "Update your card to go on." in answer.content.decode()
