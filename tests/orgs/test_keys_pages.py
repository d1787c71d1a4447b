"""`/settings/api-keys`, as a browser without JavaScript sees it."""

import re
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone

from orgs.models import ApiKey, Organization, Role, User
from orgs.services import api_keys
from tests.factories import MembershipFactory, make_api_key
from tests.orgs.team_steps import add_member

pytestmark = pytest.mark.usefixtures("empty_redis", "db")

KEYS = "/settings/api-keys"
FORM = {"name": "Web shop", "scopes": ["billing:read", "usage:write"], "mode": "live"}
TOKEN = re.compile(r"till_(?:test|live)_[A-Za-z0-9_-]{43}")


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


class TestList:
    def test_shows_what_people_may_know(self, desk: Client, org: Organization) -> None:
        key, token = make_api_key(org, "usage:write", name="Till 3")
        gone, _ = make_api_key(org, name="Old one")
        api_keys.revoke_api_key(key=gone, now=timezone.now())
        foreign, _ = make_api_key(MembershipFactory.create().organization, name="Foreign")

        page = desk.get(KEYS).text

        assert "Till 3" in page
        assert f"<code>{key.prefix}…</code> · usage:write" in page
        assert "never used" in page
        assert f"{KEYS}/{key.pk}/revoke" in page
        assert f"{KEYS}/{gone.pk}/revoke" not in page
        assert foreign.name not in page
        assert token not in page
        assert key.key_hash not in page

    def test_says_that_there_are_none(self, desk: Client) -> None:
        assert "No keys yet." in desk.get(KEYS).text

    @pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
    def test_is_for_owners_and_admins(
        self, client: Client, alice: User, org: Organization, role: Role
    ) -> None:
        key, _ = make_api_key(org)
        client.force_login(add_member(org, role))
        revoke = f"{KEYS}/{key.pk}/revoke"

        answers = [
            client.get(KEYS),
            client.post(KEYS, FORM),
            client.get(revoke),
            client.post(revoke),
        ]

        assert [answer.status_code for answer in answers] == [403] * 4
        assert "Only owners and admins can do this. Ask one of Acme." in answers[0].text
        assert key.prefix not in answers[0].text
        key.refresh_from_db()
        assert key.revoked_at is None
        assert ApiKey.objects.count() == 1

    def test_asks_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(KEYS).headers["Location"] == "/login?next=/settings/api-keys"


class TestCreate:
    def test_shows_the_key_once(self, desk: Client, alice: User, org: Organization) -> None:
        response = desk.post(KEYS, FORM)
        assert (response.status_code, response.headers["Location"]) == (302, KEYS)

        first, second = desk.get(KEYS), desk.get(KEYS)

        key = ApiKey.objects.get()
        [token] = TOKEN.findall(first.text)
        assert TOKEN.findall(second.text) == []
        assert first["Cache-Control"] == "no-store"
        assert (key.name, key.scopes, key.mode) == (
            "Web shop",
            ["billing:read", "usage:write"],
            "live",
        )
        assert (key.organization, key.created_by) == (org, alice)
        me = Client().get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
        assert me.json()["organization"]["id"] == str(org.pk)

    def test_never_stores_the_key_in_the_clear(self, desk: Client) -> None:
        desk.post(KEYS, FORM)

        assert not TOKEN.search(str(dict(desk.session)))
        assert "till_live_" not in str(dict(desk.session))

    def test_shows_it_on_no_page_of_another_organization(
        self, desk: Client, alice: User, other_org: Organization
    ) -> None:
        MembershipFactory.create(organization=other_org, user=alice)
        desk.post(KEYS, FORM)
        desk.post("/organizations/switch", {"organization": str(other_org.pk)})

        assert TOKEN.findall(desk.get(KEYS).text) == []

    def test_survives_a_change_of_the_encryption_keys(self, desk: Client, settings: Any) -> None:
        desk.post(KEYS, FORM)
        settings.TILL_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

        page = desk.get(KEYS)

        assert page.status_code == 200
        assert TOKEN.findall(page.text) == []

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"name": ""}, "name", "This field is required."),
            ({"name": "x" * 101}, "name", "at most 100 characters"),
            ({"scopes": []}, "scopes", "This field is required."),
            ({"scopes": ["everything"]}, "scopes", "Select a valid choice."),
            ({"mode": "prod"}, "mode", "Select a valid choice."),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, desk: Client, changes: dict[str, object], field: str, message: str
    ) -> None:
        response = desk.post(KEYS, {**FORM, **changes})

        assert response.status_code == 200
        assert f'<a href="#id_{field}">' in response.text
        assert f'id="id_{field}"' in response.text
        assert f'id="id_{field}_error"' in response.text
        assert message in response.text
        assert "<title>Error: API keys · Till</title>" in response.text
        assert ApiKey.objects.count() == 0


class TestRevoke:
    def test_asks_first(self, desk: Client, org: Organization) -> None:
        key, token = make_api_key(org)

        page = desk.get(f"{KEYS}/{key.pk}/revoke")

        assert "<h1>Revoke Server?</h1>" in page.text
        assert "It was never used." in page.text
        assert api_keys.authenticate_key(token=token, now=timezone.now()) is not None

    def test_ends_a_key(self, desk: Client, org: Organization) -> None:
        key, token = make_api_key(org)

        response = desk.post(f"{KEYS}/{key.pk}/revoke", follow=True)

        assert "The key Server was revoked: it opens nothing any more." in response.text
        assert api_keys.authenticate_key(token=token, now=timezone.now()) is None
        assert "This key was revoked on" in desk.get(f"{KEYS}/{key.pk}/revoke").text

    def test_finds_nothing_of_others(self, desk: Client, other_org: Organization) -> None:
        key, token = make_api_key(other_org)

        for key_id in (key.pk, uuid4(), "not-a-uuid"):
            assert desk.get(f"{KEYS}/{key_id}/revoke").status_code == 404
            assert desk.post(f"{KEYS}/{key_id}/revoke").status_code == 404
        assert api_keys.authenticate_key(token=token, now=timezone.now()) is not None
