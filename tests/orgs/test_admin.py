"""People, organizations and keys in the back office."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from orgs.models import ApiKey, Organization, User
from tests.factories import UserFactory, make_api_key

INLINE = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture
def desk(db: None, client: Client) -> Client:
    """A browser of a member of staff."""
    client.force_login(UserFactory.create(staff=True, email="staff@example.com"))
    return client


class TestPages:
    @pytest.mark.parametrize("model", ["user", "organization", "membership", "apikey"])
    def test_list_and_search(
        self, desk: Client, alice: User, org: Organization, model: str
    ) -> None:
        make_api_key(org)

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
