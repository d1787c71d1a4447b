"""Who gets in, and as whom: the current organization, permissions."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.models import Membership, Organization, Role, User
from orgs.services import api_keys
from tests.factories import PASSWORD, MembershipFactory, UserFactory, make_api_key
from tests.orgs.probe import Calls
from tests.orgs.probe_answers import PROBE, Api, code_of

pytestmark = pytest.mark.urls("tests.orgs.probe")


def path_of(organization: object, name: str = "probe") -> str:
    return f"/api/v1/billing/tenants/{getattr(organization, 'pk', organization)}/{name}"


class TestCurrentOrganization:
    @pytest.fixture
    def second(self, alice: User, other_org: Organization) -> Organization:
        MembershipFactory.create(organization=other_org, user=alice, role=Role.VIEWER)
        return other_org

    @pytest.mark.usefixtures("second")
    def test_must_be_named_by_a_user_of_several(self, api: Api, alice: User) -> None:
        response = api(alice).get(PROBE)

        assert code_of(response) == (400, "INVALID_REQUEST")
        assert response.json()["error"]["fields"] == {
            "X-Organization": ["You belong to several organizations: name one."]
        }

    def test_is_the_one_in_the_header(
        self, api: Api, alice: User, org: Organization, second: Organization
    ) -> None:
        for named in (org, second):
            response = api(alice, organization=named).get(PROBE)
            assert response.json() == {"organization": str(named.pk)}

    @pytest.mark.usefixtures("second")
    def test_is_the_one_in_the_path(self, api: Api, alice: User, org: Organization) -> None:
        assert api(alice).get(path_of(org)).json() == {"organization": str(org.pk)}

    def test_brings_the_role_that_belongs_to_it(
        self, api: Api, alice: User, org: Organization, second: Organization, calls: type[Calls]
    ) -> None:
        assert api(alice, organization=org).post(PROBE, {}).status_code == 201
        assert api(alice, organization=second).post(PROBE, {}).status_code == 403
        assert len(calls.seen) == 1

    def test_is_checked_in_one_query(
        self,
        api: Api,
        alice: User,
        org: Organization,
        second: Organization,
        django_assert_num_queries: Any,
    ) -> None:
        client = api(alice, organization=second)

        with django_assert_num_queries(2):  # the user, and the membership with its organization
            client.get(PROBE)

    def test_of_a_session_is_the_chosen_one(
        self, client: Client, alice: User, org: Organization, second: Organization
    ) -> None:
        client.force_login(alice)
        assert client.get(PROBE).json() == {"organization": str(org.pk)}

        session = client.session
        session["organization_id"] = str(second.pk)
        session.save()

        assert client.get(PROBE).json() == {"organization": str(second.pk)}

    def test_of_a_session_is_never_one_that_was_left(
        self, client: Client, alice: User, org: Organization, second: Organization
    ) -> None:
        client.force_login(alice)
        session = client.session
        session["organization_id"] = str(second.pk)
        session.save()
        Membership.objects.filter(organization=second, user=alice).delete()

        assert client.get(PROBE).json() == {"organization": str(org.pk)}

    def test_of_somebody_without_any_is_not_found(self, db: None, api: Api) -> None:
        assert code_of(api(UserFactory.create()).get(PROBE)) == (404, "NOT_FOUND")

    def test_of_a_key_is_its_own(
        self, api: Api, org: Organization, other_org: Organization
    ) -> None:
        _, token = make_api_key(org)

        assert api(token).get(PROBE).json() == {"organization": str(org.pk)}
        assert api(token, organization=other_org).get(PROBE).json() == {"organization": str(org.pk)}
        assert api(token).get(path_of(org)).status_code == 200
        assert api(token).get(path_of(other_org)).status_code == 404


class TestForeignTenants:
    @pytest.fixture(params=["user", "session", "setup", "key"])
    def caller(
        self,
        request: pytest.FixtureRequest,
        api: Api,
        alice: User,
        org: Organization,
        setup_token: str,
    ) -> Any:
        if request.param == "session":
            client = APIClient()
            client.force_login(alice)
            return client
        bearers = {"user": alice, "setup": setup_token, "key": make_api_key(org)[1]}
        return api(bearers[request.param])

    def test_all_answer_alike(
        self, caller: Any, other_org: Organization, calls: type[Calls]
    ) -> None:
        strangers = [other_org.pk, uuid4(), "not-a-uuid", "0", "%00", "é", "x" * 300, "null"]
        answers = []
        for stranger in strangers:
            for response in (caller.get(path_of(stranger)), caller.post(path_of(stranger), {})):
                body = response.json()
                body["error"].pop("trace_id")
                answers.append((response.status_code, body))

        assert answers == [(404, {"error": {"code": "NOT_FOUND", "message": "Not found."}})] * (
            2 * len(strangers)
        )
        assert calls.seen == []

    def test_answer_like_a_path_that_does_not_exist(
        self, api: Api, alice: User, other_org: Organization
    ) -> None:
        foreign = api(alice).get(path_of(other_org)).json()["error"]
        missing = api(alice).get("/api/v1/nothing/here").json()["error"]

        assert {**foreign, "trace_id": ""} == {**missing, "trace_id": ""}

    @pytest.mark.parametrize("named", ["not-a-uuid", "00000000-0000-0000-0000-000000000000", None])
    def test_are_not_found_by_header_either(
        self, api: Api, alice: User, other_org: Organization, named: str | None
    ) -> None:
        response = api(alice, organization=named or other_org).get(PROBE)

        assert code_of(response) == (404, "NOT_FOUND")

    def test_ask_a_stranger_to_sign_in_first(self, api: Api, org: Organization) -> None:
        for tenant in (org, "not-a-uuid"):
            assert code_of(api().get(path_of(tenant))) == (401, "NOT_AUTHENTICATED")


class TestAccess:
    @pytest.mark.parametrize(
        ("role", "reads", "writes", "team"),
        [
            (Role.OWNER, 200, 201, 200),
            (Role.ADMIN, 200, 201, 200),
            (Role.BILLING, 200, 201, 403),
            (Role.VIEWER, 200, 403, 403),
        ],
    )
    def test_of_people_depends_on_their_role(
        self, api: Api, org: Organization, role: Role, reads: int, writes: int, team: int
    ) -> None:
        user = MembershipFactory.create(organization=org, role=role).user

        client = api(user)

        assert client.get(PROBE).status_code == reads
        assert client.post(PROBE, {}).status_code == writes
        assert client.get("/api/v1/billing/team").status_code == team

    @pytest.mark.parametrize(
        ("scope", "reads", "writes", "usage"),
        [
            ("billing:read", 200, 403, 403),
            ("billing:write", 403, 201, 403),
            ("usage:write", 403, 403, 200),
            ("checkout:create", 403, 403, 403),
        ],
    )
    def test_of_keys_depends_on_their_scopes(
        self, api: Api, org: Organization, scope: str, reads: int, writes: int, usage: int
    ) -> None:
        client = api(make_api_key(org, scope)[1])

        assert client.get(PROBE).status_code == reads
        assert client.post(PROBE, {}).status_code == writes
        assert client.post("/api/v1/billing/usage", {}).status_code == usage
        assert client.get("/api/v1/billing/team").status_code == 403

    def test_of_setup_tokens_ends_at_what_names_them(
        self, api: Api, setup_token: str, calls: type[Calls]
    ) -> None:
        assert api(setup_token).get(PROBE).status_code == 200
        assert code_of(api(setup_token).post(PROBE, {})) == (403, "PERMISSION_DENIED")
        assert api(setup_token).get("/api/v1/billing/team").status_code == 403
        assert calls.seen == []

    def test_of_setup_tokens_ends_with_the_membership(
        self, api: Api, setup_token: str, alice: User
    ) -> None:
        Membership.objects.filter(user=alice).delete()

        assert api(setup_token).get(PROBE).status_code == 401

    def test_of_setup_tokens_outlives_activation(
        self, api: Api, setup_token: str, org: Organization
    ) -> None:
        Organization.objects.update(plan_status="ACTIVE")

        assert api(setup_token).get(PROBE).status_code == 200

    def test_of_a_revoked_key_has_ended(self, api: Api, org: Organization) -> None:
        key, token = make_api_key(org)
        api_keys.revoke_api_key(key=key, now=key.created_at)

        assert code_of(api(token).get(PROBE)) == (401, "NOT_AUTHENTICATED")

    def test_of_head_is_that_of_get(self, api: Api, alice: User, bob: User) -> None:
        team = "/api/v1/billing/team"

        assert api(alice).head(team).status_code == 200
        assert api(bob).head(team).status_code == 403
        assert api().head(team).status_code == 401

    def test_is_not_given_to_options(self, api: Api, alice: User) -> None:
        assert code_of(api(alice).options(PROBE)) == (405, "METHOD_NOT_ALLOWED")

    def test_must_be_declared_for_every_method(self) -> None:
        with pytest.raises(TypeError, match="Silent declares no access for POST"):

            class Silent(TenantView):
                def post(self, request: ApiRequest) -> None: ...

    def test_says_which_methods_there_are(self, api: Api, alice: User) -> None:
        response = api(alice).put(PROBE, {})

        assert code_of(response) == (405, "METHOD_NOT_ALLOWED")
        assert response["Allow"] == "GET, HEAD, POST, PATCH, DELETE"


class TestSpellings:
    def test_all_answer_without_a_redirect(
        self, api: Api, alice: User, org: Organization, calls: type[Calls]
    ) -> None:
        paths = [PROBE, f"{PROBE}/", path_of(org), f"{path_of(org)}/"]

        answers = [api(alice).post(path, {"count": 1}) for path in paths]

        assert [answer.status_code for answer in answers] == [201] * 4
        assert {answer.json()["organization"] for answer in answers} == {str(org.pk)}
        assert len(calls.seen) == 4

    def test_upper_case_ids_are_the_same(self, api: Api, alice: User, org: Organization) -> None:
        assert api(alice).get(path_of(str(org.pk).upper())).status_code == 200

    def test_a_password_is_not_needed_twice(self, client: Client, alice: User) -> None:
        assert client.login(username="ALICE@example.com", password=PASSWORD)
        assert client.get(PROBE).status_code == 200
