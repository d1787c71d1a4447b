"""`/settings/team`, as a browser without JavaScript sees it."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from notifications.models import Message
from orgs.models import Invitation, Membership, Organization, Role, User
from tests.factories import InvitationFactory, make_api_key
from tests.orgs.team_steps import add_member, membership_of, token_of

pytestmark = pytest.mark.usefixtures("empty_redis", "db")


TEAM = "/settings/team"


def page_of(row: Membership | Invitation, what: str) -> str:
    return f"{TEAM}/{row.pk}/{what}"


class TestTeam:
    def test_shows_members_and_invitations(self, desk: Client, org: Organization) -> None:
        add_member(org, Role.BILLING)
        InvitationFactory.create(organization=org, email="eve@example.com", role=Role.ADMIN)
        InvitationFactory.create(
            organization=org, email="old@example.com", expires_at=timezone.now() - timedelta(days=1)
        )
        InvitationFactory.create(email="foreign@example.com")

        page = desk.get(TEAM)

        assert page.status_code == 200
        text = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
        assert "Alice Adams You Owner" in text
        assert "Dana Doe Billing dana@example.com" in text
        assert "eve@example.com Invited Admin" in text
        assert "old@example.com Invitation expired" in text
        assert "foreign@example.com" not in text
        assert '<a href="/settings/team" aria-current="page">Team</a>' in page.text

    @pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
    def test_can_only_be_read_by_others(
        self, client: Client, alice: User, org: Organization, role: Role
    ) -> None:
        InvitationFactory.create(organization=org)
        client.force_login(add_member(org, role))

        page = client.get(TEAM)

        assert page.status_code == 200
        assert "Alice Adams" in page.text
        assert "Only owners and admins can invite people" in page.text
        main = page.text.partition("<main")[2]
        assert "<form" not in main
        assert "/remove" not in main
        assert "/settings/api-keys" not in page.text

    def test_does_not_offer_admins_what_only_owners_may(
        self, client: Client, alice: User, org: Organization
    ) -> None:
        client.force_login(add_member(org, Role.ADMIN))

        page = client.get(TEAM).text

        assert page_of(membership_of(alice, org), "remove") not in page
        assert '<option value="owner"' not in page

    def test_goes_on_after_fifty(self, desk: Client, org: Organization) -> None:
        InvitationFactory.create_batch(60, organization=org)

        first = desk.get(TEAM).text
        older = re.search(r'href="(\?cursor=[^"]+)">Show older ones', first)
        assert older is not None
        second = desk.get(TEAM + older[1]).text

        assert first.count('class="people__row"') == 50
        assert second.count('class="people__row"') == 11
        assert "Alice Adams" in second
        assert "Back to the newest" in second

    def test_asks_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(TEAM).headers["Location"] == "/login?next=/settings/team"

    def test_tells_somebody_without_an_organization_what_to_do(
        self, client: Client, org: Organization
    ) -> None:
        user = add_member(org, Role.VIEWER)
        Membership.objects.all().delete()
        client.force_login(user)

        page = client.get(TEAM)

        assert page.status_code == 403
        assert "Ask a colleague to invite you." in page.text


class TestInvite:
    def test_sends_a_mail_and_says_so(self, desk: Client, org: Organization) -> None:
        response = desk.post(TEAM, {"email": "Dana@example.com", "role": "viewer"}, follow=True)

        assert response.redirect_chain == [(TEAM, 302)]
        assert "The invitation was sent to dana@example.com." in response.text
        assert Message.objects.get().to == "dana@example.com"

    @pytest.mark.parametrize(
        ("form", "status", "message"),
        [
            ({"email": "nobody", "role": "viewer"}, 200, "Enter a valid email address."),
            ({"email": "", "role": "viewer"}, 200, "This field is required."),
            ({"email": "dana@example.com", "role": "boss"}, 200, "Select a valid choice."),
            (
                {"email": "alice@example.com", "role": "viewer"},
                409,
                "This person is a member already.",
            ),
        ],
    )
    def test_says_what_is_wrong(
        self, desk: Client, form: dict[str, str], status: int, message: str
    ) -> None:
        response = desk.post(TEAM, form)

        assert response.status_code == status
        assert message in response.text
        assert 'role="alert"' in response.text
        assert "<title>Error: Team · Till</title>" in response.text
        assert Invitation.objects.count() == 0

    def test_is_limited(self, desk: Client) -> None:
        for number in range(60):
            desk.post(TEAM, {"email": f"{number}@example.com", "role": "viewer"})

        response = desk.post(TEAM, {"email": "dana@example.com", "role": "viewer"})

        assert response.status_code == 429
        assert int(response["Retry-After"]) >= 1
        assert Invitation.objects.count() == 60

    def test_is_for_owners_and_admins(self, client: Client, bob: User) -> None:
        client.force_login(bob)

        response = client.post(TEAM, {"email": "dana@example.com", "role": "viewer"})

        assert response.status_code == 403
        assert "Only owners and admins can do this. Ask one of Acme." in response.text
        assert Invitation.objects.count() == 0


class TestChange:
    def test_gives_another_role(self, desk: Client, bob: User, org: Organization) -> None:
        row = membership_of(bob, org)

        response = desk.post(page_of(row, "role"), {"role": "admin"}, follow=True)

        assert "Bob Brown: Admin." in response.text
        row.refresh_from_db()
        assert row.role == "admin"

    def test_refuses_to_leave_no_owner(self, desk: Client, alice: User, org: Organization) -> None:
        row = membership_of(alice, org)

        response = desk.post(page_of(row, "role"), {"role": "viewer"})

        assert response.status_code == 409
        assert "The last owner can&#x27;t be removed or given another role." in response.text
        row.refresh_from_db()
        assert row.role == "owner"

    def test_takes_no_role_that_does_not_exist(
        self, desk: Client, bob: User, org: Organization
    ) -> None:
        row = membership_of(bob, org)

        assert desk.post(page_of(row, "role"), {"role": "boss"}).headers["Location"] == TEAM
        row.refresh_from_db()
        assert row.role == "viewer"

    def test_sends_an_invitation_again(self, desk: Client, org: Organization) -> None:
        desk.post(TEAM, {"email": "dana@example.com", "role": "viewer"})
        invitation = Invitation.objects.get()
        old = token_of(invitation)

        response = desk.post(page_of(invitation, "resend"), follow=True)

        invitation.refresh_from_db()
        assert "the link in the mail before does not work any more" in response.text
        assert token_of(invitation) != old
        assert Client().get(f"/invitations/{old}").status_code == 404

    def test_sends_nothing_to_a_member(self, desk: Client, bob: User, org: Organization) -> None:
        assert desk.post(page_of(membership_of(bob, org), "resend")).status_code == 404
        assert Message.objects.count() == 0


class TestRemove:
    def test_asks_first(self, desk: Client, bob: User, org: Organization) -> None:
        make_api_key(org, name="Not his")
        key, _ = make_api_key(org, name="His key")
        key.created_by = bob
        key.save(update_fields=["created_by"])
        row = membership_of(bob, org)

        page = desk.get(page_of(row, "remove"))

        assert "<h1>Remove Bob Brown?</h1>" in page.text
        assert "ends at once" in page.text
        assert "His key" in page.text
        assert "Not his" not in page.text
        assert Membership.objects.filter(pk=row.pk).exists()

    def test_removes_a_member(self, desk: Client, bob: User, org: Organization) -> None:
        response = desk.post(page_of(membership_of(bob, org), "remove"), follow=True)

        assert "Bob Brown was removed from Acme." in response.text
        assert not Membership.objects.filter(user=bob).exists()

    def test_revokes_an_invitation(self, desk: Client, org: Organization) -> None:
        invitation = InvitationFactory.create(organization=org, email="dana@example.com")
        path = page_of(invitation, "remove")
        assert "<h1>Revoke the invitation of dana@example.com?</h1>" in desk.get(path).text

        response = desk.post(path, follow=True)

        assert "The invitation of dana@example.com was revoked." in response.text
        invitation.refresh_from_db()
        assert invitation.revoked_at is not None
        assert desk.post(path).status_code == 404

    def test_lets_somebody_leave(self, client: Client, alice: User, org: Organization) -> None:
        dana = add_member(org, Role.ADMIN)
        client.force_login(dana)
        path = page_of(membership_of(dana, org), "remove")
        assert "<h1>Leave Acme?</h1>" in client.get(path).text

        response = client.post(path)

        assert response.headers["Location"] == "/"
        assert client.get(TEAM).status_code == 403

    def test_refuses_to_leave_no_owner(self, desk: Client, alice: User, org: Organization) -> None:
        response = desk.post(page_of(membership_of(alice, org), "remove"))

        assert response.status_code == 409
        assert "The last owner" in response.text
        assert membership_of(alice, org).role == "owner"


class TestIsolation:
    @pytest.mark.parametrize("what", ["role", "resend", "remove"])
    def test_finds_nothing_of_others(
        self, client: Client, alice: User, charlie: User, org: Organization, what: str
    ) -> None:
        client.force_login(charlie)
        invitation = InvitationFactory.create(organization=org)

        for row_id in (membership_of(alice, org).pk, invitation.pk, uuid4(), "not-a-uuid"):
            answer = client.post(f"{TEAM}/{row_id}/{what}", {"role": "viewer"})
            assert answer.status_code == 404
            if what == "remove":
                assert client.get(f"{TEAM}/{row_id}/{what}").status_code == 404

        assert membership_of(alice, org).role == "owner"
        assert Invitation.objects.get().revoked_at is None
        assert Message.objects.count() == 0

    @pytest.mark.parametrize("what", ["role", "resend", "remove"])
    def test_is_for_owners_and_admins(
        self, client: Client, alice: User, bob: User, org: Organization, what: str
    ) -> None:
        client.force_login(bob)

        response = client.post(page_of(membership_of(alice, org), what), {"role": "viewer"})

        assert response.status_code == 403
        assert membership_of(alice, org).role == "owner"
