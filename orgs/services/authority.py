"""Who may change a team, decided under a lock, so that two changes at once can't contradict."""

from collections.abc import Collection

from orgs import selectors
from orgs.errors import PermissionDenied
from orgs.models import Membership, Organization, Role, User
from orgs.permissions import TEAM_ROLES


class OwnersOnly(PermissionDenied):
    """Only an owner may make or unmake owners."""


def lock_team(organization: Organization) -> None:
    """Let one change of a team happen at a time; held until the transaction ends."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def require_authority(
    *, organization: Organization, actor: User, roles: Collection[str]
) -> Membership:
    """Return the actor's membership if it may give and take these roles.

    It is read anew: what the request knew may have been changed while it waited for the lock.

    Raises:
        PermissionDenied: no member any more, or neither owner nor admin.
        OwnersOnly: an admin, and one of the roles is the owner's.
    """
    membership = selectors.get_membership(user=actor, organization_id=organization.pk)
    if membership is None or membership.role not in TEAM_ROLES:
        raise PermissionDenied
    if Role.OWNER in roles and membership.role != Role.OWNER:
        raise OwnersOnly
    return membership
