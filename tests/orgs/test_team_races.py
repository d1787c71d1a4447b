"""Two people who change one team at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from orgs.errors import DomainError, PermissionDenied
from orgs.models import Invitation, Membership, Organization, Role, User
from orgs.services import authority, change_team, invite, join
from tests.factories import UserFactory
from tests.orgs.team_steps import add_member, membership_of, token_of

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(monkeypatch: pytest.MonkeyPatch, *calls: Callable[[], Any]) -> list[Any]:
    """Run the calls in threads that reach the lock together; return results and refusals."""
    barrier = Barrier(len(calls))
    lock_team = authority.lock_team

    def meet_and_lock(organization: Organization) -> None:
        barrier.wait(10)
        lock_team(organization)

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except DomainError as error:
            return type(error)
        finally:
            connection.close()

    monkeypatch.setattr(authority, "lock_team", meet_and_lock)
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def owners_of(organization: Organization) -> int:
    return Membership.objects.for_org(organization).filter(role=Role.OWNER).count()


@pytest.fixture
def dana(org: Organization) -> User:
    """A second owner."""
    return add_member(org, Role.OWNER)


class TestTwoOwners:
    def test_who_demote_each_other_leave_one(
        self, org: Organization, alice: User, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def demote(actor: User, victim: Membership) -> Callable[[], Any]:
            return lambda: change_team.change_role(
                organization=org, actor=actor, member_id=victim.pk, role=Role.VIEWER
            )

        results = at_once(
            monkeypatch,
            demote(alice, membership_of(dana, org)),
            demote(dana, membership_of(alice, org)),
        )

        assert owners_of(org) == 1
        assert sum(result is PermissionDenied for result in results) == 1

    @pytest.mark.parametrize("way", ["leave", "step down"])
    def test_who_go_together_leave_one(
        self, org: Organization, alice: User, dana: User, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        def go(user: User) -> Callable[[], Any]:
            own = membership_of(user, org).pk
            if way == "leave":
                return lambda: change_team.remove_member(
                    organization=org, actor=user, member_id=own, now=timezone.now()
                )
            return lambda: change_team.change_role(
                organization=org, actor=user, member_id=own, role=Role.ADMIN
            )

        results = at_once(monkeypatch, go(alice), go(dana))

        assert owners_of(org) == 1
        assert sum(result is change_team.LastOwner for result in results) == 1


class TestOneInvitation:
    def test_made_twice_at_once_is_one_with_two_mails(
        self, org: Organization, alice: User, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def invite_eve(actor: User) -> Callable[[], Any]:
            return lambda: invite.invite_member(
                organization=org,
                actor=actor,
                email="eve@example.com",
                role=Role.VIEWER,
                now=timezone.now(),
            )

        results = at_once(monkeypatch, invite_eve(alice), invite_eve(dana))

        assert sorted(sent.is_new for sent in results) == [False, True]
        assert Invitation.objects.get().times_sent == 2

    def test_accepted_twice_at_once_joins_once(
        self, org: Organization, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        eve = UserFactory.create(email="eve@example.com")
        sent = invite.invite_member(
            organization=org, actor=alice, email=eve.email, role=Role.VIEWER, now=timezone.now()
        )
        hashed = invite.token_hash(token_of(sent.invitation))

        def accept() -> Membership:
            return join.join_as_user(token_hash=hashed, user=eve, now=timezone.now())

        results = at_once(monkeypatch, accept, accept)

        assert sum(result is join.InvitationUsed for result in results) == 1
        assert membership_of(eve, org).role == Role.VIEWER

    def test_revoked_while_it_is_accepted_is_either(
        self, org: Organization, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        eve = UserFactory.create(email="eve@example.com")
        invitation = invite.invite_member(
            organization=org, actor=alice, email=eve.email, role=Role.VIEWER, now=timezone.now()
        ).invitation
        hashed = invite.token_hash(token_of(invitation))

        results = at_once(
            monkeypatch,
            lambda: join.join_as_user(token_hash=hashed, user=eve, now=timezone.now()),
            lambda: change_team.remove_member(
                organization=org, actor=alice, member_id=invitation.pk, now=timezone.now()
            ),
        )

        invitation.refresh_from_db()
        joined = Membership.objects.filter(organization=org, user=eve).exists()
        assert joined is (invitation.accepted_at is not None)
        assert joined is not (invitation.revoked_at is not None)
        assert sum(isinstance(result, type) for result in results) == 1
