"""A team as it is shown: those who belong to it and those who are invited, in one shape."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models

from orgs.models import Invitation, InvitationState, Membership, Role


class MemberStatus(models.TextChoices):
    """How far somebody has come."""

    ACTIVE = "active", "Active"
    INVITED = "invited", "Invited"
    EXPIRED = "expired", "Invitation expired"


ROLE_MEANINGS = {
    Role.OWNER: "everything, including other owners",
    Role.ADMIN: "everything but owners: billing, team and API keys",
    Role.BILLING: "plans, payments and invoices",
    Role.VIEWER: "looking, without changing anything",
}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a team; `id` is that of the membership or of the invitation.

    `expires_at` and `invited_by` (an e-mail) are the invitation's.
    """

    id: UUID
    status: MemberStatus
    email: str
    full_name: str
    role: Role
    user_id: UUID | None
    invited_by: str | None
    created_at: datetime
    expires_at: datetime | None

    @property
    def is_owner(self) -> bool:
        """Whether only owners may change this place."""
        return self.role == Role.OWNER

    @property
    def is_active(self) -> bool:
        """Whether it is a member already."""
        return self.status == MemberStatus.ACTIVE

    @property
    def name(self) -> str:
        """Return what to call this person."""
        return self.full_name or self.email


def member_of(row: Membership | Invitation, *, now: datetime) -> Member:
    """Return the shape of a membership, or of an invitation that is neither accepted nor revoked.

    The user or the inviter must be loaded.
    """
    if isinstance(row, Membership):
        return Member(
            id=row.pk,
            status=MemberStatus.ACTIVE,
            email=row.user.email,
            full_name=row.user.full_name,
            role=Role(row.role),
            user_id=row.user_id,
            invited_by=None,
            created_at=row.created_at,
            expires_at=None,
        )
    is_open = row.state(now) == InvitationState.OPEN
    return Member(
        id=row.pk,
        status=MemberStatus.INVITED if is_open else MemberStatus.EXPIRED,
        email=row.email,
        full_name="",
        role=Role(row.role),
        user_id=None,
        invited_by=row.invited_by.email if row.invited_by else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
