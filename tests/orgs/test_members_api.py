"""The team over HTTP: listing and inviting."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications.models import Message
from orgs.models import Invitation, Membership, Organization, Role, User
from tests.conftest import Api
from tests.factories import InvitationFactory, MembershipFactory, make_api_key
from tests.orgs.members_api_steps import DANA, code_of, path_of
from tests.orgs.team_steps import add_member, membership_of, token_of


def iso(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))


class TestList:
    def test_shows_members_and_invitations_newest_first(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        invitation = InvitationFactory.create(organization=org, role="billing", invited_by=alice)
        InvitationFactory.create(organization=org, revoked_at=timezone.now())
        InvitationFactory.create(organization=org, accepted_at=timezone.now())
        InvitationFactory.create()
        membership = membership_of(alice, org)

        response = api(alice).get(path_of(org))

        assert response.status_code == 200
        assert response.json() == {
            "data": [
                {
                    "id": str(invitation.pk),
                    "status": "invited",
                    "email": invitation.email,
                    "full_name": "",
                    "role": "billing",
                    "user_id": None,
                    "invited_by": "alice@example.com",
                    "created_at": iso(invitation.created_at),
                    "expires_at": iso(invitation.expires_at),
                },
                {
                    "id": str(membership.pk),
                    "status": "active",
                    "email": "alice@example.com",
                    "full_name": "Alice Adams",
                    "role": "owner",
                    "user_id": str(alice.pk),
                    "invited_by": None,
                    "created_at": iso(membership.created_at),
                    "expires_at": None,
                },
            ],
            "next_cursor": None,
        }

    def test_says_that_an_invitation_has_expired(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        InvitationFactory.create(organization=org, expires_at=timezone.now())

        assert api(alice).get(path_of(org)).json()["data"][0]["status"] == "expired"

    def test_pages_through_both_kinds_without_gap_or_repetition(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        moment = membership_of(alice, org).created_at
        for _ in range(3):
            MembershipFactory.create(organization=org)
            InvitationFactory.create(organization=org)
        # All of one moment but two: ties are told apart by the id, whatever the table.
        Invitation.objects.update(created_at=moment)
        Membership.objects.update(created_at=moment)
        Membership.objects.filter(user=alice).update(created_at=moment - timedelta(days=1))
        newest = Invitation.objects.order_by("pk")[0]
        Invitation.objects.filter(pk=newest.pk).update(created_at=moment + timedelta(days=1))
        client = api(alice)

        seen: list[str] = []
        sizes: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = client.get(f"{path_of(org)}?limit=2&cursor={cursor}").json()
            seen += [item["id"] for item in page["data"]]
            sizes.append(len(page["data"]))
            cursor = page["next_cursor"]

        everybody = [*Membership.objects.for_org(org), *Invitation.objects.for_org(org)]
        everybody.sort(key=lambda row: (row.created_at, row.pk), reverse=True)
        assert seen == [str(row.pk) for row in everybody]
        assert sizes == [2, 2, 2, 1]

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.BILLING, Role.VIEWER])
    def test_is_readable_for_every_role(self, api: Api, org: Organization, role: Role) -> None:
        assert api(add_member(org, role)).get(path_of(org)).status_code == 200

    def test_is_not_for_keys(self, api: Api, org: Organization) -> None:
        _, token = make_api_key(org)

        assert code_of(api(token).get(path_of(org))) == (403, "PERMISSION_DENIED")

    def test_does_not_ask_once_per_row(
        self, api: Api, alice: User, org: Organization, django_assert_num_queries: Any
    ) -> None:
        for _ in range(3):
            MembershipFactory.create(organization=org)
            InvitationFactory.create(organization=org, invited_by=alice)
        client = api(alice)

        with django_assert_num_queries(4):  # user, membership, members, invitations
            client.get(path_of(org))


class TestInvite:
    def test_stores_the_hash_alone_and_mails_the_token(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        before = timezone.now()

        response = api(alice).post(path_of(org), {"email": " Dana@Example.com ", "role": "admin"})

        invitation = Invitation.objects.get()
        token = token_of(invitation)
        assert response.status_code == 201
        assert (response.json()["status"], response.json()["email"]) == (
            "invited",
            "dana@example.com",
        )
        assert (invitation.email, invitation.role) == ("dana@example.com", "admin")
        assert invitation.invited_by == alice
        assert timedelta(days=7) <= invitation.expires_at - before < timedelta(days=7, minutes=1)
        assert len(token) >= 43
        assert token not in response.text
        assert token not in str(Invitation.objects.values().get())
        assert Message.objects.get().to == "dana@example.com"

    def test_sends_a_waiting_one_again_with_a_new_token_and_role(
        self, api: Api, alice: User, org: Organization
    ) -> None:
        first = api(alice).post(path_of(org), DANA).json()
        old = token_of(Invitation.objects.get())
        Invitation.objects.update(expires_at=timezone.now())

        response = api(alice).post(path_of(org), {**DANA, "role": "billing"})

        invitation = Invitation.objects.get()
        assert response.status_code == 200
        assert response.json()["id"] == first["id"]
        assert (response.json()["role"], response.json()["status"]) == ("billing", "invited")
        assert invitation.times_sent == 2
        assert Client().get(f"/invitations/{old}").status_code == 404
        assert Client().get(f"/invitations/{token_of(invitation)}").status_code == 200
        assert Message.objects.count() == 2

    def test_is_once_per_idempotency_key(self, api: Api, alice: User, org: Organization) -> None:
        answers = [
            api(alice).post(path_of(org), DANA, headers={"idempotency-key": "k"}) for _ in range(2)
        ]

        assert answers[0].content == answers[1].content
        assert Message.objects.count() == 1

    def test_refuses_a_member(self, api: Api, alice: User, bob: User, org: Organization) -> None:
        response = api(alice).post(path_of(org), {"email": "BOB@example.com", "role": "viewer"})

        assert code_of(response) == (409, "CONFLICT")
        assert response.json()["error"]["message"] == "This person is a member already."
        assert Invitation.objects.count() == 0
        assert Message.objects.count() == 0

    def test_takes_members_of_others(
        self, api: Api, alice: User, charlie: User, org: Organization
    ) -> None:
        response = api(alice).post(path_of(org), {"email": charlie.email, "role": "viewer"})

        assert response.status_code == 201

    def test_starts_anew_after_a_revocation(self, api: Api, alice: User, org: Organization) -> None:
        first = api(alice).post(path_of(org), DANA).json()["id"]
        api(alice).delete(path_of(org, first))

        response = api(alice).post(path_of(org), DANA)

        assert response.status_code == 201
        assert response.json()["id"] != first

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "dana"}, "email"),
            ({"email": ""}, "email"),
            ({"role": "boss"}, "role"),
            ({"role": None}, "role"),
            ({"name": "Dana"}, "name"),
        ],
    )
    def test_refuses_bad_input(
        self, api: Api, alice: User, org: Organization, changes: dict[str, Any], field: str
    ) -> None:
        response = api(alice).post(path_of(org), {**DANA, **changes})

        assert code_of(response) == (400, "INVALID_REQUEST")
        assert list(response.json()["error"]["fields"]) == [field]
        assert Invitation.objects.count() == 0

    @pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
    def test_is_for_owners_and_admins(self, api: Api, org: Organization, role: Role) -> None:
        client = api(add_member(org, role, "eve@example.com"))

        assert code_of(client.post(path_of(org), DANA)) == (403, "PERMISSION_DENIED")
        assert Invitation.objects.count() == 0

    def test_of_an_owner_is_for_owners(self, api: Api, alice: User, org: Organization) -> None:
        admin = api(add_member(org, Role.ADMIN, "eve@example.com"))
        as_owner = {**DANA, "role": "owner"}

        refused = admin.post(path_of(org), as_owner)
        assert code_of(refused) == (403, "PERMISSION_DENIED")
        assert refused.json()["error"]["message"] == "Only an owner may make or unmake owners."
        assert api(alice).post(path_of(org), as_owner).status_code == 201
        # Nor may an admin turn that invitation into another, or end it.
        assert admin.post(path_of(org), DANA).status_code == 403
        assert admin.delete(path_of(org, Invitation.objects.get())).status_code == 403
        assert Invitation.objects.get().role == "owner"

    def test_ends_at_two_hundred_that_wait(self, api: Api, alice: User, org: Organization) -> None:
        InvitationFactory.create_batch(200, organization=org)

        response = api(alice).post(path_of(org), DANA)

        assert code_of(response) == (409, "CONFLICT")
        assert Invitation.objects.count() == 200

    def test_is_limited(self, api: Api, alice: User, org: Organization) -> None:
        client = api(alice)
        for _ in range(60):
            client.post(path_of(org), {})

        response = client.post(path_of(org), DANA)

        assert code_of(response) == (429, "RATE_LIMIT")
        assert int(response["Retry-After"]) >= 1
        assert Invitation.objects.count() == 0
        assert client.get(path_of(org)).status_code == 200
