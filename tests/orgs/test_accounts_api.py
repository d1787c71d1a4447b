"""Registration, tokens and `/me` over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.core.cache import cache
from rest_framework.test import APIClient

from orgs.models import Membership, Organization, Role, User
from tests.factories import PASSWORD, MembershipFactory, make_api_key

Api = Callable[..., APIClient]
REGISTER, TOKEN, REFRESH, ME = (
    "/api/v1/auth/register",
    "/api/v1/auth/token",
    "/api/v1/auth/token/refresh",
    "/api/v1/me",
)
BODY = {"organization_name": "Acme", "email": "Dana@Example.com", "password": PASSWORD}


def _counts() -> tuple[int, int, int]:
    return Organization.objects.count(), User.objects.count(), Membership.objects.count()


def _code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.django_db
class TestRegister:
    def test_answers_with_organization_owner_and_setup_token(self, api: Api) -> None:
        response = api().post(REGISTER, BODY)

        assert response.status_code == 201
        organization, user = Organization.objects.get(), User.objects.get()
        body = response.json()
        token = body.pop("token")
        assert body == {
            "organization": {
                "id": str(organization.pk),
                "name": "Acme",
                "slug": "acme",
                "plan_status": "PENDING_PAYMENT",
            },
            "user": {"id": str(user.pk), "email": "dana@example.com", "role": "owner"},
            "token_type": "Bearer",
            "scope": "billing:setup",
            "expires_in": 3600,
        }
        assert response["Cache-Control"] == "no-store"
        assert _code(api(token).get(ME)) == (403, "PERMISSION_DENIED")
        keys = f"/api/v1/orgs/{organization.pk}/api-keys"
        assert _code(api(token).get(keys)) == (403, "PERMISSION_DENIED")

    def test_answers_with_a_trailing_slash_too(self, api: Api) -> None:
        assert api().post(f"{REGISTER}/", BODY).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "no-address"}, "email"),
            ({"password": "short"}, "password"),
            ({"password": "12345678901"}, "password"),
            ({"organization_name": " "}, "organization_name"),
            ({"organization_name": "x" * 201}, "organization_name"),
            ({"organization_name": "a\x00b"}, "body"),
            ({"plan": "starter"}, "plan"),
            ({"is_staff": True}, "is_staff"),
        ],
    )
    def test_refuses_bad_input_and_writes_nothing(
        self, api: Api, changes: dict[str, Any], field: str
    ) -> None:
        response = api().post(REGISTER, {**BODY, **changes})

        assert _code(response) == (400, "INVALID_REQUEST")
        assert response.json()["error"]["message"] == "Invalid request. Please check your input."
        assert list(response.json()["error"]["fields"]) == [field]
        assert _counts() == (0, 0, 0)

    def test_refuses_an_email_that_is_taken(self, api: Api, alice: User) -> None:
        before = _counts()

        response = api().post(REGISTER, {**BODY, "email": "ALICE@example.com"})

        assert _code(response) == (400, "INVALID_REQUEST")
        assert response.json()["error"]["fields"] == {
            "email": ["Someone is already registered with this e-mail."]
        }
        assert _counts() == before

    def test_is_limited(self, api: Api) -> None:
        client = api()
        for _ in range(20):
            client.post(REGISTER, {})

        response = client.post(REGISTER, BODY)

        assert _code(response) == (429, "RATE_LIMIT")
        assert 1 <= int(response["Retry-After"]) <= 60
        assert _counts() == (0, 0, 0)

    def test_is_not_limited_while_redis_is_down(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise redis.ConnectionError

        monkeypatch.setattr(type(cache._connections[cache._alias]), "get", fail)  # type: ignore[attr-defined]

        assert api().post(REGISTER, BODY).status_code == 201


class TestToken:
    def test_answers_with_a_pair(self, api: Api, alice: User) -> None:
        response = api().post(TOKEN, {"email": "Alice@Example.com", "password": PASSWORD})

        assert response.status_code == 200
        body = response.json()
        assert list(body) == ["access", "refresh", "expires_in"]
        assert body["expires_in"] == 900
        assert api(body["access"]).get(ME).json()["user"]["id"] == str(alice.pk)
        assert api(body["refresh"]).get(ME).status_code == 401

    @pytest.mark.parametrize(
        ("email", "password"),
        [("alice@example.com", "wrong"), ("nobody@example.com", PASSWORD)],
    )
    def test_refuses_everything_else_alike(
        self, api: Api, alice: User, email: str, password: str
    ) -> None:
        response = api().post(TOKEN, {"email": email, "password": password})

        assert _code(response) == (401, "NOT_AUTHENTICATED")
        assert (
            response.json()["error"]["message"] == "No active account has this e-mail and password."
        )

    def test_refuses_somebody_who_was_deactivated(self, api: Api, alice: User) -> None:
        User.objects.update(is_active=False)

        response = api().post(TOKEN, {"email": alice.email, "password": PASSWORD})

        assert _code(response) == (401, "NOT_AUTHENTICATED")

    def test_ignores_a_stale_token_beside_it(self, api: Api, alice: User) -> None:
        response = api("stale").post(TOKEN, {"email": alice.email, "password": PASSWORD})

        assert response.status_code == 200

    def test_is_limited(self, api: Api, alice: User) -> None:
        client = api()
        for _ in range(30):
            client.post(TOKEN, {})

        response = client.post(TOKEN, {"email": alice.email, "password": PASSWORD})

        assert _code(response) == (429, "RATE_LIMIT")


class TestRefresh:
    def _refresh(self, api: Api, user: User) -> str:
        pair = api().post(TOKEN, {"email": user.email, "password": PASSWORD}).json()
        return str(pair["refresh"])

    def test_gives_a_new_access_token(self, api: Api, alice: User) -> None:
        refresh = self._refresh(api, alice)

        body = api().post(REFRESH, {"refresh": refresh}).json()

        assert list(body) == ["access", "refresh", "expires_in"]
        assert body["refresh"] == refresh
        assert api(body["access"]).get(ME).status_code == 200

    @pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!changed"}])
    def test_ends_with_the_account_or_its_password(
        self, api: Api, alice: User, change: dict[str, Any]
    ) -> None:
        refresh = self._refresh(api, alice)
        User.objects.update(**change)

        assert _code(api().post(REFRESH, {"refresh": refresh})) == (401, "NOT_AUTHENTICATED")

    def test_takes_no_other_token(self, api: Api, alice: User, setup_token: str) -> None:
        for token in (setup_token, "x", "x" * 1999):
            assert _code(api().post(REFRESH, {"refresh": token})) == (401, "NOT_AUTHENTICATED")


class TestMe:
    def test_describes_a_user(self, api: Api, alice: User, org: Organization) -> None:
        shown = {
            "id": str(org.pk),
            "name": "Acme",
            "slug": "acme",
            "plan_status": "PENDING_PAYMENT",
        }

        assert api(alice).get(ME).json() == {
            "user": {
                "id": str(alice.pk),
                "email": "alice@example.com",
                "full_name": "Alice Adams",
            },
            "memberships": [{"organization": shown, "role": "owner"}],
            "organization": shown,
            "role": "owner",
            "scopes": [],
        }

    def test_leaves_open_which_of_several_organizations(
        self, api: Api, alice: User, other_org: Organization
    ) -> None:
        MembershipFactory.create(user=alice, organization=other_org, role=Role.BILLING)

        body = api(alice).get(ME).json()
        assert (body["organization"], body["role"], len(body["memberships"])) == (None, None, 2)

        named = api(alice, organization=other_org).get(ME).json()
        assert (named["organization"]["slug"], named["role"]) == ("globex", "billing")

    def test_describes_a_key(self, api: Api, org: Organization) -> None:
        _, token = make_api_key(org, "billing:read")

        body = api(token).get(ME).json()

        assert body["user"] is None
        assert body["memberships"] == []
        assert body["organization"]["id"] == str(org.pk)
        assert body["scopes"] == ["billing:read"]

    def test_does_not_know_foreign_organizations(
        self, api: Api, alice: User, other_org: Organization
    ) -> None:
        assert _code(api(alice, organization=other_org).get(ME)) == (404, "NOT_FOUND")

    def test_describes_somebody_without_any(self, db: None, api: Api) -> None:
        user = User.objects.create_user("new@example.com")

        assert api(user).get(ME).json()["organization"] is None

    def test_asks_a_stranger_to_sign_in(self, db: None, api: Api) -> None:
        assert _code(api().get(ME)) == (401, "NOT_AUTHENTICATED")
