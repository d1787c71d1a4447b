"""From the mail into the team, as a browser without JavaScript sees it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs.models import Invitation, Membership, Organization, Role, User
from tests.factories import PASSWORD, UserFactory
from tests.orgs.invitation_steps import EMAIL, NEW, assert_nothing_happened
from tests.orgs.team_steps import add_member, membership_of, token_of

pytestmark = pytest.mark.usefixtures("empty_redis", "db")


@pytest.fixture
def path(invitation: Invitation) -> str:
    """The address in the mail."""
    return f"/invitations/{token_of(invitation)}"


@pytest.fixture
def dana() -> User:
    """Somebody who has an account with the invited address already."""
    return UserFactory.create(email="dana@example.com", full_name="Dana Doe")


class TestSomebodyNew:
    def test_chooses_a_password_and_is_in(
        self, client: Client, path: str, org: Organization
    ) -> None:
        page = client.get(path)
        assert page.status_code == 200
        assert "Alice Adams invites" in page.text
        assert "<strong>dana@example.com</strong>" in page.text

        response = client.post(path, NEW)

        user = User.objects.get(email=EMAIL)
        assert (response.status_code, response.headers["Location"]) == (302, "/")
        assert user.check_password(PASSWORD)
        assert user.full_name == "Dana Doe"
        assert membership_of(user, org).role == "billing"
        assert Invitation.objects.get().accepted_at is not None
        assert client.session["_auth_user_id"] == str(user.pk)
        assert client.session["organization_id"] == str(org.pk)
        assert client.get("/settings/team").status_code == 200

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"password": "short"}, "password", "This password is too short."),
            ({"password": "dana@example.com"}, "password", "too similar to the email"),
            ({"password": ""}, "password", "This field is required."),
            ({"full_name": ""}, "full_name", "This field is required."),
        ],
    )
    def test_is_told_beside_the_field_what_is_wrong(
        self,
        client: Client,
        path: str,
        org: Organization,
        changes: dict[str, str],
        field: str,
        message: str,
    ) -> None:
        response = client.post(path, {**NEW, **changes})

        assert response.status_code == 200
        assert f'<a href="#id_{field}">' in response.text
        assert message in response.text
        assert "<title>Error: Join Acme · Till</title>" in response.text
        assert PASSWORD not in response.text
        assert not User.objects.filter(email=EMAIL).exists()
        assert_nothing_happened(org)

    def test_can_not_take_another_address(self, client: Client, path: str) -> None:
        client.post(path, {**NEW, "email": "eve@example.com", "username": "eve@example.com"})

        assert list(Membership.objects.order_by("created_at").values_list("user__email")) == [
            ("alice@example.com",),
            (EMAIL,),
        ]

    def test_who_registered_meanwhile_is_asked_to_sign_in(
        self, client: Client, path: str, org: Organization, dana: User
    ) -> None:
        response = client.post(path, NEW)

        assert response.status_code == 200
        assert "Someone is already registered with this e-mail." in response.text
        assert "There is an account with this e-mail already." in response.text
        assert_nothing_happened(org)

    def test_is_limited(self, client: Client, path: str, org: Organization) -> None:
        for _ in range(30):
            client.post(path, {})

        response = client.post(path, NEW)

        assert response.status_code == 429
        assert int(response["Retry-After"]) >= 1
        assert_nothing_happened(org)


class TestSomebodyKnown:
    def test_signs_in_and_confirms(
        self, client: Client, path: str, org: Organization, dana: User
    ) -> None:
        page = client.get(path)
        assert "There is an account with this e-mail already." in page.text
        to_login = client.post(path, {"intent": "sign-in"}).headers["Location"]
        assert to_login == "/login?next=/invitations/open"
        signed_in = client.post(
            to_login, {"username": EMAIL, "password": PASSWORD, "next": "/invitations/open"}
        )
        assert signed_in.headers["Location"] == "/invitations/open"
        assert "You are signed in as Dana Doe" in client.get("/invitations/open").text
        assert_nothing_happened(org)

        response = client.post("/invitations/open")

        assert response.headers["Location"] == "/"
        assert membership_of(dana, org).role == "billing"
        assert client.session["organization_id"] == str(org.pk)
        assert client.get("/invitations/open").status_code == 404

    def test_confirms_at_once_when_signed_in(
        self, client: Client, path: str, org: Organization, dana: User
    ) -> None:
        client.force_login(dana)
        assert "Join Acme</button>" in client.get(path).text

        client.post(path)

        assert membership_of(dana, org).role == "billing"

    def test_with_another_account_is_told_so(
        self, client: Client, path: str, org: Organization, charlie: User, dana: User
    ) -> None:
        client.force_login(charlie)

        page = client.get(path)

        assert "You are signed in as <strong>charlie@example.com</strong>" in page.text
        assert "this invitation is for <strong>dana@example.com</strong>" in page.text
        assert client.post(path).status_code == 403
        assert_nothing_happened(org)

    def test_changes_to_the_right_account(self, client: Client, path: str, charlie: User) -> None:
        client.force_login(charlie)

        response = client.post(path, {"intent": "sign-in"})

        assert response.headers["Location"] == "/invitations/open"  # nobody has this e-mail yet
        assert "_auth_user_id" not in client.session
        assert "Create account and join" in client.get("/invitations/open").text

    def test_keeps_the_role_of_a_member(self, client: Client, path: str, org: Organization) -> None:
        user = add_member(org, Role.ADMIN, EMAIL)
        client.force_login(user)

        client.post(path)

        assert membership_of(user, org).role == "admin"
        assert Invitation.objects.get().accepted_at is not None


class TestOver:
    @pytest.mark.parametrize(
        ("changes", "heading", "advice"),
        [
            (
                {"expires_at": timezone.now() - timedelta(seconds=1)},
                "This invitation has expired",
                "Ask the person who invited you to send it again.",
            ),
            (
                {"revoked_at": timezone.now()},
                "This invitation was withdrawn",
                "ask the person who invited you for a new one.",
            ),
            (
                {"accepted_at": timezone.now()},
                "This invitation was accepted already",
                "If that was you, just sign in.",
            ),
        ],
    )
    def test_says_what_became_of_it_and_what_to_do(
        self, client: Client, path: str, changes: dict[str, Any], heading: str, advice: str
    ) -> None:
        Invitation.objects.update(**changes)

        for response in (client.get(path), client.post(path, NEW)):
            assert response.status_code == 410
            assert f"<h1>{heading}</h1>" in response.text
            assert advice in response.text
        assert not User.objects.filter(email=EMAIL).exists()

    @pytest.mark.parametrize("token", ["open", "inv_x", "inv_" + "A" * 43, "%00", "é" * 300])
    def test_shows_nothing_to_who_guesses(
        self, client: Client, invitation: Invitation, token: str
    ) -> None:
        for response in (client.get(f"/invitations/{token}"), client.post(f"/invitations/{token}")):
            assert response.status_code == 404
            assert "This invitation does not work" in response.text
            assert "Acme" not in response.text

    def test_is_not_opened_by_what_is_stored(self, client: Client, invitation: Invitation) -> None:
        assert client.get(f"/invitations/{invitation.token_hash}").status_code == 404
