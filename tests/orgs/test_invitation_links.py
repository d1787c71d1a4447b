"""The link of an invitation: in the mail, encrypted until it is sent, and in no log."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from config import logs
from notifications import services as notifications
from notifications.models import Message
from orgs.models import Invitation, Organization, Role, User
from orgs.services import invite
from tests.orgs.invitation_steps import EMAIL, NEW, assert_nothing_happened
from tests.orgs.team_steps import token_of

pytestmark = pytest.mark.usefixtures("empty_redis", "db")


@pytest.fixture
def path(invitation: Invitation) -> str:
    """The address in the mail."""
    return f"/invitations/{token_of(invitation)}"


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
