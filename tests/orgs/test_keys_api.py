"""API keys over HTTP, and the lists they come in."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from orgs.models import ApiKey, KeyMode, Organization, Role, User
from tests.factories import MembershipFactory, make_api_key

Api = Callable[..., APIClient]
BODY = {"name": "Till 1", "scopes": ["terminals:write", "billing:read"], "mode": "live"}


def _path(organization: object, key: object = None) -> str:
    path = f"/api/v1/orgs/{getattr(organization, 'pk', organization)}/api-keys"
    return f"{path}/{getattr(key, 'pk', key)}" if key else path


def _code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


class TestCreate:
    def test_shows_the_key_once(self, api: Api, alice: User, org: Organization) -> None:
        response = api(alice).post(_path(org), BODY)

        assert response.status_code == 201
        key = ApiKey.objects.get()
        body = response.json()
        token = body.pop("key")
        assert token.startswith("till_live_")
        assert body == {
            "id": str(key.pk),
            "name": "Till 1",
            "prefix": token[:16],
            "scopes": ["billing:read", "terminals:write"],
            "mode": "live",
            "created_at": key.created_at.isoformat().replace("+00:00", "Z"),
            "last_used_at": None,
            "revoked_at": None,
        }
        assert key.created_by == alice
        assert api(token).get("/api/v1/me").json()["organization"]["id"] == str(org.pk)
        assert token not in api(alice).get(_path(org)).text

    def test_makes_a_test_key_unless_asked(self, api: Api, alice: User, org: Organization) -> None:
        api(alice).post(_path(org), {"name": "A", "scopes": ["billing:read"]})

        assert ApiKey.objects.get().mode == KeyMode.TEST

    def test_makes_one_key_for_one_idempotency_key(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        answers = [
            api(alice).post(_path(org), BODY, headers={"idempotency-key": "k"}) for _ in range(2)
        ]

        assert answers[0].content == answers[1].content
        assert ApiKey.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"scopes": []}, "scopes"),
            ({"scopes": ["everything"]}, "scopes.0"),
            ({"scopes": "billing:read"}, "scopes"),
            ({"mode": "prod"}, "mode"),
            ({"name": ""}, "name"),
            ({"expires": 1}, "expires"),
        ],
    )
    def test_refuses_bad_input(
        self, api: Api, alice: User, org: Organization, changes: dict[str, Any], field: str
    ) -> None:
        response = api(alice).post(_path(org), {**BODY, **changes})

        assert _code(response) == (400, "INVALID_REQUEST")
        assert list(response.json()["error"]["fields"]) == [field]
        assert ApiKey.objects.count() == 0

    @pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
    def test_is_for_owners_and_admins(self, api: Api, org: Organization, role: Role) -> None:
        user = MembershipFactory.create(organization=org, role=role).user

        assert _code(api(user).post(_path(org), BODY)) == (403, "PERMISSION_DENIED")
        assert ApiKey.objects.count() == 0

    def test_is_not_for_keys(self, api: Api, org: Organization) -> None:
        _, token = make_api_key(org)

        assert _code(api(token).post(_path(org), BODY)) == (403, "PERMISSION_DENIED")
        assert ApiKey.objects.count() == 1


class TestRevoke:
    def test_ends_a_key(self, api: Api, alice: User, org: Organization) -> None:
        key, token = make_api_key(org)

        response = api(alice).delete(_path(org, key))

        assert (response.status_code, response.content) == (204, b"")
        key.refresh_from_db()
        assert key.revoked_at is not None
        assert api(token).get("/api/v1/me").status_code == 401
        assert api(alice).delete(_path(org, key)).status_code == 204

    @pytest.mark.parametrize("key_id", ["not-a-uuid", uuid4(), "0"])
    def test_does_not_find_what_is_not_there(
        self, api: Api, alice: User, org: Organization, key_id: object
    ) -> None:
        assert _code(api(alice).delete(_path(org, key_id))) == (404, "NOT_FOUND")

    def test_is_not_for_viewers(self, api: Api, bob: User, org: Organization) -> None:
        key, _ = make_api_key(org)

        assert _code(api(bob).delete(_path(org, key))) == (403, "PERMISSION_DENIED")
        key.refresh_from_db()
        assert key.revoked_at is None


class TestList:
    def test_is_newest_first_in_pages(self, api: Api, alice: User, org: Organization) -> None:
        keys = [make_api_key(org, name=f"Key {n}")[0] for n in range(5)]
        client = api(alice)

        seen, cursor, sizes = [], "", []
        while True:
            page = client.get(f"{_path(org)}?limit=2&cursor={cursor}").json()
            seen += [item["name"] for item in page["data"]]
            sizes.append(len(page["data"]))
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert seen == ["Key 4", "Key 3", "Key 2", "Key 1", "Key 0"]
        assert sizes == [2, 2, 1]
        assert len(keys) == 5

    def test_stays_right_among_rows_of_one_moment(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        keys = [make_api_key(org)[0] for _ in range(3)]
        ApiKey.objects.update(created_at=keys[0].created_at)
        client = api(alice)

        first = client.get(f"{_path(org)}?limit=2").json()
        second = client.get(f"{_path(org)}?limit=2&cursor={first['next_cursor']}").json()

        ids = [item["id"] for item in first["data"] + second["data"]]
        assert ids == sorted((str(key.pk) for key in keys), reverse=True)
        assert second["next_cursor"] is None

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=ten", "limit"),
            ("cursor=x", "cursor"),
            ("cursor=%00", "cursor"),
            ("cursor=WzEsMl0", "cursor"),  # [1,2]: a number where a time belongs
            ("cursor=WyJhIiwiYiJd", "cursor"),  # ["a","b"]
            ("cursor=WyIyMDI2LTAxLTAxIiwgIjEiXQ", "cursor"),  # a time without its zone
            ("cursor=bnVsbA", "cursor"),  # null
        ],
    )
    def test_refuses_what_makes_no_sense(
        self, api: Api, alice: User, org: Organization, query: str, field: str
    ) -> None:
        response = api(alice).get(f"{_path(org)}?{query}")

        assert _code(response) == (400, "INVALID_REQUEST")
        assert list(response.json()["error"]["fields"]) == [field]

    def test_is_for_owners_and_admins(self, api: Api, bob: User, org: Organization) -> None:
        assert _code(api(bob).get(_path(org))) == (403, "PERMISSION_DENIED")


class TestIsolation:
    """Nobody learns whether something of another organization exists."""

    def test_hides_foreign_organizations(
        self, api: Api, alice: User, charlie: User, org: Organization, other_org: Organization
    ) -> None:
        key, _ = make_api_key(org)
        client = api(charlie)

        answers = [
            client.get(_path(org)),
            client.post(_path(org), BODY),
            client.delete(_path(org, key)),
            client.delete(_path(other_org, key)),
            client.get(_path(uuid4())),
            client.get(_path("not-a-uuid")),
            client.delete(_path("not-a-uuid", "not-a-uuid")),
        ]

        bodies = [answer.json()["error"] | {"trace_id": ""} for answer in answers]
        expected = {"code": "NOT_FOUND", "message": "Not found.", "trace_id": ""}
        assert [answer.status_code for answer in answers] == [404] * 7
        assert bodies == [expected] * 7
        key.refresh_from_db()
        assert key.revoked_at is None
        assert ApiKey.objects.count() == 1
