"""People, organizations and keys in the back office."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from orgs.models import ApiKey, Organization, User
from tests.factories import InvitationFactory, UserFactory, make_api_key

INLINE = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture
def desk(db: None, client: Client) -> Client:
    """A browser of a member of staff."""
    client.force_login(UserFactory.create(staff=True, email="staff@example.com"))
    return client


class TestPages:
    @pytest.mark.parametrize(
        "model", ["user", "organization", "membership", "invitation", "apikey"]
    )
    def test_list_and_search(
        self, desk: Client, alice: User, org: Organization, model: str
    ) -> None:
        make_api_key(org)
        InvitationFactory.create(organization=org)

        for query in ("", "?q=acme", f"?q={org.pk}"):
            assert desk.get(f"/admin/orgs/{model}/{query}").status_code == 200

    def test_are_closed_to_members(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/admin/orgs/user/").headers["Location"].startswith("/admin/login/")

    def test_are_found_without_a_slash(self, client: Client) -> None:
        assert client.get("/admin").headers["Location"] == "/admin/"


class TestKeys:
    def test_never_show_the_hash(self, desk: Client, org: Organization) -> None:
        key, token = make_api_key(org)

        for path in ("", f"{key.pk}/change/"):
            page = desk.get(f"/admin/orgs/apikey/{path}")
            assert page.status_code == 200
            assert key.prefix in page.text
            assert key.key_hash not in page.text
            assert token not in page.text

    def test_can_not_be_edited(self, desk: Client, org: Organization) -> None:
        key, _ = make_api_key(org)

        assert desk.post(f"/admin/orgs/apikey/{key.pk}/change/", {"name": "X"}).status_code == 403
        assert desk.get("/admin/orgs/apikey/add/").status_code == 403
        assert desk.post(f"/admin/orgs/apikey/{key.pk}/delete/").status_code == 403
        assert ApiKey.objects.get().name == "Server"


class TestRevokingKeys:
    def _act(self, desk: Client, key: ApiKey, **more: str) -> Any:
        form = {"action": "revoke", "_selected_action": str(key.pk), **more}
        return desk.post("/admin/orgs/apikey/", form)

    def test_asks_first(self, desk: Client, org: Organization) -> None:
        key, _ = make_api_key(org, name="Till 3")

        page = self._act(desk, key)

        assert page.status_code == 200
        assert "Revoke them for good?" in page.text
        assert "Till 3" in page.text
        key.refresh_from_db()
        assert key.revoked_at is None

    def test_ends_them_and_leaves_a_log_entry(self, desk: Client, org: Organization) -> None:
        key, _ = make_api_key(org)

        response = self._act(desk, key, confirmed="yes")

        assert response.status_code == 302
        key.refresh_from_db()
        assert key.revoked_at is not None
        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.change_message) == (str(key.pk), "Revoked.")
        assert entry.user.email == "staff@example.com"

    def test_leaves_revoked_ones_alone(self, desk: Client, org: Organization) -> None:
        key, _ = make_api_key(org)
        self._act(desk, key, confirmed="yes")
        key.refresh_from_db()
        before = key.revoked_at

        self._act(desk, key, confirmed="yes")

        key.refresh_from_db()
        assert key.revoked_at == before
        assert LogEntry.objects.count() == 1

    def test_needs_a_permission(self, client: Client, org: Organization) -> None:
        key, _ = make_api_key(org)
        reader = UserFactory.create(is_staff=True)
        reader.user_permissions.add(
            Permission.objects.get(codename="view_apikey", content_type__app_label="orgs")
        )
        client.force_login(reader)

        assert client.get("/admin/orgs/apikey/").status_code == 200
        self._act(client, key, confirmed="yes")

        key.refresh_from_db()
        assert key.revoked_at is None
        assert LogEntry.objects.count() == 0


class TestInvitations:
    def test_never_show_what_opens_them(self, desk: Client, org: Organization) -> None:
        invitation = InvitationFactory.create(organization=org, email="dana@example.com")

        for path in ("", f"{invitation.pk}/change/"):
            page = desk.get(f"/admin/orgs/invitation/{path}")
            assert page.status_code == 200
            assert "dana@example.com" in page.text
            assert invitation.token_hash not in page.text

    def test_can_not_be_edited(self, desk: Client, org: Organization) -> None:
        invitation = InvitationFactory.create(organization=org)
        path = f"/admin/orgs/invitation/{invitation.pk}"

        assert desk.post(f"{path}/change/", {"role": "owner"}).status_code == 403
        assert desk.post(f"{path}/delete/").status_code == 403
        assert desk.get("/admin/orgs/invitation/add/").status_code == 403
        invitation.refresh_from_db()
        assert invitation.role == "viewer"


class TestOrganizations:
    def test_can_not_be_edited(self, desk: Client, org: Organization) -> None:
        path = f"/admin/orgs/organization/{org.pk}/change/"

        assert desk.get(path).status_code == 200
        assert desk.post(path, {"plan_status": "ACTIVE"}).status_code == 403
        assert Organization.objects.get(pk=org.pk).plan_status == "PENDING_PAYMENT"


class TestUsers:
    def test_can_be_deactivated_which_leaves_a_log_entry(self, desk: Client, alice: User) -> None:
        path = f"/admin/orgs/user/{alice.pk}/change/"
        assert alice.password not in desk.get(path).text

        response = desk.post(path, {"email": "ALICE@example.com", "full_name": "Alice", **INLINE})

        assert response.status_code == 302
        alice.refresh_from_db()
        assert (alice.is_active, alice.email, alice.full_name) == (
            False,
            "alice@example.com",
            "Alice",
        )
        assert LogEntry.objects.get().object_id == str(alice.pk)

    def test_can_be_added_with_an_address_in_any_case(self, desk: Client) -> None:
        form = {
            "email": "New@Example.com",
            "full_name": "New",
            "usable_password": "true",
            "password1": "a long enough one",
            "password2": "a long enough one",
            **INLINE,
        }

        response = desk.post("/admin/orgs/user/add/", form)

        assert response.status_code == 302
        assert User.objects.get(email="new@example.com").check_password("a long enough one")

    def test_can_not_share_an_address(self, desk: Client, alice: User, bob: User) -> None:
        path = f"/admin/orgs/user/{bob.pk}/change/"

        response = desk.post(path, {"email": "ALICE@example.com", "is_active": "on", **INLINE})

        assert response.status_code == 200
        assert "Someone is already registered with this e-mail." in response.text
        bob.refresh_from_db()
        assert bob.email == "bob@example.com"
