"""Inviting somebody into a team by e-mail. The mail holds a token; only its hash is kept."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from orgs import handlers, selectors
from orgs.errors import Conflict, NotFound
from orgs.models import Invitation, Organization, Role, User
from orgs.services import authority

LIFE = timedelta(days=7)
MAX_PENDING = 200
# The logs know tokens by this beginning and hide them.
TOKEN_PREFIX = "inv_"  # noqa: S105 - what all of them begin with
_RANDOM_BYTES = 32

logger = logging.getLogger(__name__)


class AlreadyMember(Conflict):
    """This person is a member already."""


class TooManyInvitations(Conflict):
    """Too many invitations are waiting for an answer. Please revoke some of them first."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation whose mail is on its way; `is_new` unless one was waiting already."""

    invitation: Invitation
    is_new: bool


def invite_member(
    *, organization: Organization, actor: User, email: str, role: Role, now: datetime
) -> Sent:
    """Invite an address, or send a waiting invitation again with a new token and this role.

    The token of the mail before opens nothing from then on. `now` is wall time.

    Raises:
        PermissionDenied: the actor may not give this role, or not change the waiting invitation.
        AlreadyMember: somebody with this e-mail is on the team.
        TooManyInvitations: the organization has as many waiting as it may have.
    """
    email = email.strip().lower()
    with transaction.atomic():
        authority.lock_team(organization)
        authority.require_authority(organization=organization, actor=actor, roles={role})
        if selectors.is_member_email(organization, email):
            raise AlreadyMember
        pending = selectors.pending_invitations(organization)
        waiting = pending.filter(email=email).first()
        if waiting is not None:
            return _renew(waiting, actor=actor, role=role, now=now)
        if pending.count() >= MAX_PENDING:
            raise TooManyInvitations
        token = _new_token()
        invitation = Invitation.objects.create(
            organization=organization,
            email=email,
            role=role,
            token_hash=token_hash(token),
            invited_by=actor,
            expires_at=now + LIFE,
        )
        return _send(invitation, token=token, is_new=True, now=now)


def send_again(
    *, organization: Organization, actor: User, invitation_id: object, now: datetime
) -> Sent:
    """Send a waiting invitation again, with a new token and seven days from now.

    Raises:
        NotFound: the organization has no such invitation waiting.
        PermissionDenied: the actor may not give its role.
    """
    with transaction.atomic():
        authority.lock_team(organization)
        waiting = selectors.get_team_row(organization, invitation_id)
        if not isinstance(waiting, Invitation):
            raise NotFound
        return _renew(waiting, actor=actor, role=Role(waiting.role), now=now)


def token_hash(token: str) -> str:
    """Return what is stored of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _renew(invitation: Invitation, *, actor: User, role: Role, now: datetime) -> Sent:
    authority.require_authority(
        organization=invitation.organization, actor=actor, roles={role, invitation.role}
    )
    token = _new_token()
    invitation.role = role
    invitation.token_hash = token_hash(token)
    invitation.invited_by = actor
    invitation.times_sent += 1
    invitation.expires_at = now + LIFE
    invitation.save(
        update_fields=[
            "role",
            "token_hash",
            "invited_by",
            "times_sent",
            "expires_at",
            "updated_at",
        ]
    )
    return _send(invitation, token=token, is_new=False, now=now)


def _send(invitation: Invitation, *, token: str, is_new: bool, now: datetime) -> Sent:
    handlers.run(handlers.InvitationSent(invitation=invitation, token=token, now=now))
    logger.info(
        "member.invited",
        extra={
            "org": str(invitation.organization_id),
            "invitation": str(invitation.pk),
            "role": invitation.role,
            "times": invitation.times_sent,
        },
    )
    return Sent(invitation, is_new)


def _new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
