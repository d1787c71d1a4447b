"""Changing what somebody on a team, or invited to it, may do; and ending it."""

import logging
from datetime import datetime

from django.db import transaction

from orgs import selectors
from orgs.errors import Conflict, NotFound
from orgs.models import Invitation, Membership, Organization, Role, User
from orgs.services import authority

logger = logging.getLogger(__name__)


class LastOwner(Conflict):
    """The last owner can't be removed or given another role. Make somebody else an owner first."""


def change_role(
    *, organization: Organization, actor: User, member_id: object, role: Role
) -> Membership | Invitation:
    """Give a member, or a pending invitation, another role; return it.

    It counts from the member's next request on.

    Raises:
        NotFound: no such member or pending invitation.
        PermissionDenied: the actor may not take the old role or give the new one.
        LastOwner: nobody else could act as an owner afterwards.
    """
    with transaction.atomic():
        row = _claim(organization, actor, member_id, role)
        if row.role != role:
            if role != Role.OWNER:
                _refuse_for_last_owner(row)
            row.role = role
            row.save(update_fields=["role", "updated_at"])
            logger.info("member.role_changed", extra={**_details(row, actor), "role": role})
    return row


def remove_member(
    *, organization: Organization, actor: User, member_id: object, now: datetime
) -> Membership | Invitation:
    """End a membership, or revoke a pending invitation; return what it was.

    Every request of a person looks for the membership, so no token or session outlives it. API
    keys belong to the organization and go on.

    Raises:
        NotFound: no such member or pending invitation.
        PermissionDenied: the actor may not take this role away.
        LastOwner: nobody else could act as an owner afterwards.
    """
    with transaction.atomic():
        row = _claim(organization, actor, member_id)
        if isinstance(row, Invitation):
            row.revoked_at = now
            row.save(update_fields=["revoked_at", "updated_at"])
            logger.info("invitation.revoked", extra=_details(row, actor))
        else:
            _refuse_for_last_owner(row)
            Membership.objects.filter(pk=row.pk).delete()
            logger.info("member.removed", extra=_details(row, actor))
    return row


def _claim(
    organization: Organization, actor: User, member_id: object, *new_roles: Role
) -> Membership | Invitation:
    """Lock the team and return the row that the actor may change."""
    authority.lock_team(organization)
    row = selectors.get_team_row(organization, member_id)
    if row is None:
        raise NotFound
    authority.require_authority(
        organization=organization, actor=actor, roles={row.role, *new_roles}
    )
    return row


def _refuse_for_last_owner(row: Membership | Invitation) -> None:
    if not isinstance(row, Membership) or row.role != Role.OWNER:
        return
    if not selectors.other_active_owners(row).exists():
        raise LastOwner


def _details(row: Membership | Invitation, actor: User) -> dict[str, str]:
    return {"org": str(row.organization_id), "row": str(row.pk), "by": str(actor.pk)}
