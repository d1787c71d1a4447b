"""From the mail into the team, as a browser without JavaScript sees it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from config import logs
from notifications import services as notifications
from notifications.models import Message
from orgs.models import Invitation, Membership, Organization, Role, User
from orgs.services import invite
from tests.factories import PASSWORD, UserFactory
from tests.orgs.team_steps import add_member, membership_of, token_of

pytestmark = pytest.mark.usefixtures("empty_redis", "db")

NEW = {"full_name": "Dana Doe", "password": PASSWORD}
EMAIL = "dana@example.com"


@pytest.fixture
def invitation(org: Organization, alice: User) -> Invitation:
    """An invitation of Dana, whom Alice wants to look after the money."""
    return invite.invite_member(
        organization=org, actor=alice, email=EMAIL, role=Role.BILLING, now=timezone.now()
    ).invitation


@pytest.fixture
def path(invitation: Invitation) -> str:
    """The address in the mail."""
    return f"/invitations/{token_of(invitation)}"


@pytest.fixture
def dana() -> User:
    """Somebody who has an account with the invited address already."""
    return UserFactory.create(email="dana@example.com", full_name="Dana Doe")


def assert_nothing_happened(organization: Organization) -> None:
    assert Membership.objects.for_org(organization).count() == 1
    assert Invitation.objects.get().accepted_at is None


class TestMail:
    def test_says_who_invites_to_what_and_where_to_go(self, path: str) -> None:
        message = Message.objects.get()

        assert notifications.deliver_message(message_id=message.pk, now=timezone.now())

        sent: Any = mail.outbox[0]
        expires = Invitation.objects.get().expires_at
        assert sent.to == [EMAIL]
        assert sent.subject == "Alice Adams invites you to Acme on Till"
        ((html, _),) = sent.alternatives
        for body in (str(sent.body), str(html)):
            assert f"http://127.0.0.1:8000{path}" in body
            assert "Billing" in body
            assert "plans, payments and invoices" in body
            assert f"{expires:%-d %B %Y}" in body
            assert "support@till.example" in body

    def test_keeps_the_link_encrypted_and_only_until_it_is_sent(self, path: str) -> None:
        message = Message.objects.get()
        token = path.rpartition("/")[2]
        stored = Message.objects.values("context", "key").get()
        assert token not in str(stored)
        assert "accept_url" not in message.context
        assert path in message.sealed

        notifications.deliver_message(message_id=message.pk, now=timezone.now())

        message.refresh_from_db()
        assert message.sealed == ""

    def test_escapes_names_in_html_alone(self, org: Organization, alice: User) -> None:
        org.name = "Fish & <Chips>"
        org.save(update_fields=["name"])
        invite.invite_member(
            organization=org, actor=alice, email=EMAIL, role=Role.VIEWER, now=timezone.now()
        )

        rendered = notifications.render_message(Message.objects.get())

        assert rendered.subject == "Alice Adams invites you to Fish & <Chips> on Till"
        assert "Fish &amp; &lt;Chips&gt;" in rendered.html
        assert "<Chips>" not in rendered.html


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


class TestToken:
    def test_stays_out_of_referers_and_caches(self, client: Client, path: str) -> None:
        response = client.get(path)

        assert response["Referrer-Policy"] == "strict-origin"
        assert response["Cache-Control"] == "no-store"
        assert path.rpartition("/")[2] not in response.text

    def test_stays_out_of_logs(self, path: str) -> None:
        for text in (f"GET {path} 200", f"next=%2Finvitations%2F{path.rpartition('/')[2]}&a=b"):
            assert path.rpartition("/")[2] not in logs.redact(text)
        assert logs.redact(f"GET {path} 200") == "GET /invitations/[redacted] 200"

    def test_is_new_and_long_each_time(self, org: Organization, alice: User) -> None:
        tokens = set()
        for number in range(3):
            sent = invite.invite_member(
                organization=org,
                actor=alice,
                email=f"{number}@example.com",
                role=Role.VIEWER,
                now=timezone.now(),
            )
            tokens.add(token_of(sent.invitation))

        assert len(tokens) == 3
        assert min(len(token) for token in tokens) == len("inv_") + 43

    def test_form_wants_the_proof_of_origin(self, path: str, org: Organization) -> None:
        response = Client(enforce_csrf_checks=True).post(path, NEW)

        assert response.status_code == 403
        assert_nothing_happened(org)
