"""The team over HTTP: changing roles, removing, and who sees nothing of it."""

from uuid import uuid4

import pytest
from django.test import Client

from orgs.models import Invitation, Membership, Organization, Role, User
from tests.conftest import Api
from tests.factories import InvitationFactory, MembershipFactory
from tests.orgs.members_api_steps import DANA, code_of, path_of
from tests.orgs.team_steps import add_member, membership_of, token_of

NO_OWNER_LEFT = (
    "The last owner can't be removed or given another role. Make somebody else an owner first."
)


class TestChangeRole:
    def test_counts_from_the_next_request_on(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        dana = add_member(org, Role.VIEWER)
        client = api(dana)
        assert client.post(path_of(org), {}).status_code == 403

        response = api(alice).patch(path_of(org, membership_of(dana, org)), {"role": "admin"})

        assert (response.status_code, response.json()["role"]) == (200, "admin")
        assert client.post(path_of(org), {}).status_code == 400

    def test_of_an_invitation_counts_when_it_is_accepted(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        invitation = InvitationFactory.create(organization=org)

        response = api(alice).patch(path_of(org, invitation), {"role": "billing"})

        assert (response.json()["role"], response.json()["status"]) == ("billing", "invited")
        invitation.refresh_from_db()
        assert invitation.role == "billing"

    @pytest.mark.parametrize(
        ("actor", "before", "after", "status"),
        [
            (Role.ADMIN, Role.VIEWER, Role.ADMIN, 200),
            (Role.ADMIN, Role.ADMIN, Role.VIEWER, 200),
            (Role.ADMIN, Role.VIEWER, Role.OWNER, 403),
            (Role.ADMIN, Role.OWNER, Role.VIEWER, 403),
            (Role.OWNER, Role.VIEWER, Role.OWNER, 200),
            (Role.OWNER, Role.OWNER, Role.VIEWER, 200),
            (Role.BILLING, Role.VIEWER, Role.BILLING, 403),
            (Role.VIEWER, Role.VIEWER, Role.ADMIN, 403),
        ],
    )
    def test_depends_on_the_role_of_who_asks(
        self,
        api: Api,
        org: Organization,
        alice: User,
        actor: Role,
        before: Role,
        after: Role,
        status: int,
    ) -> None:
        who = add_member(org, actor, "eve@example.com")
        membership = membership_of(add_member(org, before), org)

        response = api(who).patch(path_of(org, membership), {"role": after})

        assert response.status_code == status
        membership.refresh_from_db()
        assert membership.role == (after if status == 200 else before)

    def test_never_takes_the_last_owner_away(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        gone = MembershipFactory.create(organization=org, user__is_active=False)
        membership = membership_of(alice, org)

        response = api(alice).patch(path_of(org, membership), {"role": "admin"})

        assert code_of(response) == (409, "CONFLICT")
        assert response.json()["error"]["message"] == NO_OWNER_LEFT
        membership.refresh_from_db()
        assert (membership.role, gone.role) == ("owner", "owner")

    def test_to_the_same_role_changes_nothing(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        response = api(alice).patch(path_of(org, membership_of(alice, org)), {"role": "owner"})

        assert response.status_code == 200

    @pytest.mark.parametrize("body", [{}, {"role": "boss"}, {"role": "viewer", "email": "a@b.de"}])
    def test_refuses_bad_input(
        self, api: Api, alice: User, bob: User, org: Organization, body: dict[str, str]
    ) -> None:
        response = api(alice).patch(path_of(org, membership_of(bob, org)), body)

        assert code_of(response) == (400, "INVALID_REQUEST")


class TestRemove:
    def test_ends_tokens_and_sessions_at_once(
        self, api: Api, alice: User, org: Organization, client: Client
    ) -> None:
        dana = add_member(org, Role.ADMIN)
        token_client = api(dana)
        client.force_login(dana)
        assert token_client.get(path_of(org)).status_code == 200
        assert client.get("/settings/team").status_code == 200

        response = api(alice).delete(path_of(org, membership_of(dana, org)))

        assert (response.status_code, response.content) == (204, b"")
        assert code_of(token_client.get(path_of(org))) == (404, "NOT_FOUND")
        assert token_client.get("/api/v1/billing/status").status_code == 404
        assert client.get("/api/v1/billing/status").status_code == 404
        assert client.get("/settings/team").status_code == 403
        assert api(dana).get("/api/v1/me").json()["memberships"] == []

    def test_revokes_an_invitation(self, api: Api, alice: User, org: Organization) -> None:
        api(alice).post(path_of(org), DANA)
        invitation = Invitation.objects.get()

        response = api(alice).delete(path_of(org, invitation))

        assert response.status_code == 204
        assert Client().get(f"/invitations/{token_of(invitation)}").status_code == 410
        assert [row["status"] for row in api(alice).get(path_of(org)).json()["data"]] == ["active"]
        assert code_of(api(alice).delete(path_of(org, invitation))) == (404, "NOT_FOUND")

    def test_never_takes_the_last_owner_away(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        add_member(org, Role.ADMIN)

        response = api(alice).delete(path_of(org, membership_of(alice, org)))

        assert code_of(response) == (409, "CONFLICT")
        assert response.json()["error"]["message"] == NO_OWNER_LEFT
        assert membership_of(alice, org).role == "owner"

    def test_lets_an_owner_go_when_another_stays(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        add_member(org, Role.OWNER)

        assert api(alice).delete(path_of(org, membership_of(alice, org))).status_code == 204

    @pytest.mark.parametrize(
        ("actor", "victim", "status"),
        [
            (Role.ADMIN, Role.ADMIN, 204),
            (Role.ADMIN, Role.OWNER, 403),
            (Role.BILLING, Role.VIEWER, 403),
            (Role.VIEWER, Role.VIEWER, 403),
        ],
    )
    def test_depends_on_the_role_of_who_asks(
        self, api: Api, org: Organization, alice: User, actor: Role, victim: Role, status: int
    ) -> None:
        who = add_member(org, actor, "eve@example.com")
        membership = membership_of(add_member(org, victim), org)

        response = api(who).delete(path_of(org, membership))

        assert response.status_code == status
        assert Membership.objects.filter(pk=membership.pk).exists() is (status != 204)


class TestIsolation:
    """Nobody learns whether something of another organization exists."""

    def test_hides_foreign_teams_and_members(
        self, api: Api, alice: User, charlie: User, org: Organization, other_org: Organization
    ) -> None:
        invitation = InvitationFactory.create(organization=org)
        membership = membership_of(alice, org)
        client, role = api(charlie), {"role": "viewer"}

        answers = [
            client.get(path_of(org)),
            client.post(path_of(org), DANA),
            *[
                call(path_of(place, row), role)
                for call in (client.patch, client.delete)
                for place in (org, other_org)
                for row in (membership, invitation)
            ],
            client.get(path_of(uuid4())),
            client.patch(path_of(other_org, uuid4()), role),
            client.delete(path_of(other_org, "not-a-uuid")),
            client.get(path_of("not-a-uuid")),
        ]

        bodies = [answer.json()["error"] | {"trace_id": ""} for answer in answers]
        expected = {"code": "NOT_FOUND", "message": "Not found.", "trace_id": ""}
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        assert bodies == [expected] * len(answers)
        membership.refresh_from_db()
        invitation.refresh_from_db()
        assert (membership.role, invitation.role) == ("owner", "viewer")
        assert invitation.revoked_at is None
        assert Invitation.objects.count() == 1

    def test_asks_a_stranger_to_sign_in(self, api: Api, org: Organization) -> None:
        assert code_of(api().get(path_of(org))) == (401, "NOT_AUTHENTICATED")
