"""Joining a team with the token of an invitation, as somebody known or as somebody new."""

import logging
from datetime import datetime

from django.db import transaction

from orgs import selectors
from orgs.errors import DomainError, NotFound, PermissionDenied
from orgs.models import Invitation, InvitationState, Membership, User
from orgs.services import authority, register

logger = logging.getLogger(__name__)


class InvitationOver(DomainError):
    """This invitation can't be used any more."""

    code = "INVITATION_OVER"
    status = 410


class InvitationExpired(InvitationOver):
    """This invitation has expired."""

    code = "INVITATION_EXPIRED"


class InvitationRevoked(InvitationOver):
    """This invitation was withdrawn."""

    code = "INVITATION_REVOKED"


class InvitationUsed(InvitationOver):
    """This invitation was accepted already."""

    code = "INVITATION_USED"


class WrongAccount(PermissionDenied):
    """This invitation is for another e-mail address than the one you are signed in with."""


_OVER: dict[InvitationState, type[InvitationOver]] = {
    InvitationState.EXPIRED: InvitationExpired,
    InvitationState.REVOKED: InvitationRevoked,
    InvitationState.ACCEPTED: InvitationUsed,
}


def find_invitation(*, token_hash: str, now: datetime) -> Invitation:
    """Return the invitation that a token opens; `now` is wall time.

    Raises:
        NotFound: there is none, or a newer mail has replaced this token.
        InvitationOver: it expired, was withdrawn or was used (a class for each).
    """
    invitation = selectors.get_invitation(token_hash)
    if invitation is None:
        raise NotFound
    if over := _OVER.get(invitation.state(now)):
        raise over
    return invitation


def join_as_user(*, token_hash: str, user: User, now: datetime) -> Membership:
    """Make a person who is signed in a member.

    Raises:
        NotFound, InvitationOver: the token opens nothing (any more).
        WrongAccount: the invitation went to another address.
    """
    with transaction.atomic():
        invitation = _claim(token_hash, now)
        if user.email.lower() != invitation.email:
            raise WrongAccount
        return _join(invitation, user, now)


def join_as_new_person(
    *, token_hash: str, full_name: str, password: str, now: datetime
) -> Membership:
    """Register the person behind the invited address, who has just read a mail to it, and join.

    Raises:
        NotFound, InvitationOver: the token opens nothing (any more).
        InvalidRequest: the password is too weak (`fields` has the reasons).
        EmailTaken: somebody has registered with this e-mail meanwhile.
    """
    email = find_invitation(token_hash=token_hash, now=now).email
    register.check_password(email=email, full_name=full_name, password=password)
    with transaction.atomic():
        invitation = _claim(token_hash, now)
        user = register.create_person(
            email=invitation.email, full_name=full_name, password=password, now=now
        )
        return _join(invitation, user, now)


def _claim(token_hash: str, now: datetime) -> Invitation:
    """Lock the team, then look at the invitation anew: one of two who accept at once joins."""
    authority.lock_team(find_invitation(token_hash=token_hash, now=now).organization)
    return find_invitation(token_hash=token_hash, now=now)


def _join(invitation: Invitation, user: User, now: datetime) -> Membership:
    membership, _ = Membership.objects.get_or_create(
        organization=invitation.organization, user=user, defaults={"role": invitation.role}
    )
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at", "updated_at"])
    logger.info(
        "member.joined",
        extra={
            "org": str(invitation.organization_id),
            "user": str(user.pk),
            "role": membership.role,
        },
    )
    return membership
