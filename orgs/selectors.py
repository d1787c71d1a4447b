"""Reads of users, memberships, invitations, organizations and keys."""

import uuid

from django.db.models import QuerySet

from orgs.models import ApiKey, Invitation, Membership, Organization, Role, User


def parse_uuid(text: object) -> uuid.UUID | None:
    """Read an id from outside; anything that is no UUID is nobody's id."""
    if isinstance(text, uuid.UUID):
        return text
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def get_user(user_id: object) -> User | None:
    """Find a user by an id from a token."""
    parsed = parse_uuid(user_id)
    return User.objects.filter(pk=parsed).first() if parsed else None


def get_user_by_email(email: str) -> User | None:
    """Find a user by e-mail, whatever its case."""
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        return None


def get_membership(*, user: User, organization_id: object) -> Membership | None:
    """Find the user's place in one organization, in one query; None for ids that are nobody's."""
    parsed = parse_uuid(organization_id)
    if parsed is None:
        return None
    return _memberships(user).filter(organization_id=parsed).first()


def memberships_of(user: User, *, limit: int | None = None) -> list[Membership]:
    """List a user's memberships with their organizations, oldest first."""
    return list(_memberships(user)[:limit])


def choose_membership(*, user: User, preferred: object = None) -> Membership | None:
    """Find the preferred membership of a user, else the oldest, in one query."""
    return preferred_membership(memberships_of(user), preferred)


def preferred_membership(memberships: list[Membership], preferred: object) -> Membership | None:
    """Pick the membership of the preferred organization, else the first."""
    parsed = parse_uuid(preferred)
    for membership in memberships:
        if membership.organization_id == parsed:
            return membership
    return memberships[0] if memberships else None


def get_member_of(*, user_id: object, organization_id: object) -> Membership | None:
    """Find a membership with user and organization, in one query."""
    user, organization = parse_uuid(user_id), parse_uuid(organization_id)
    if user is None or organization is None:
        return None
    return (
        Membership.objects.filter(user_id=user, organization_id=organization)
        .select_related("organization", "user")
        .first()
    )


def next_slug_number(base: str) -> int:
    """Return the lowest number that no slug `base-number` has; 1 stands for `base` itself."""
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    number = 1
    while (base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return number


def organization_by_slug(slug: str) -> Organization | None:
    """Return an organization by its name in addresses."""
    return Organization.objects.filter(slug=slug).first()


def keys_of(organization: Organization) -> QuerySet[ApiKey]:
    """Return the organization's API keys, revoked ones too."""
    return ApiKey.objects.for_org(organization)


def get_key(organization: Organization, key_id: object) -> ApiKey | None:
    """Find one key of the organization; None for ids that are nobody's or another's."""
    parsed = parse_uuid(key_id)
    return keys_of(organization).filter(pk=parsed).first() if parsed else None


def members_of(organization: Organization) -> QuerySet[Membership]:
    """Return the organization's memberships with their users."""
    return Membership.objects.for_org(organization).select_related("user")


def other_active_owners(membership: Membership) -> QuerySet[Membership]:
    """Return the owners who could still sign in if this membership were gone."""
    owners = Membership.objects.filter(organization_id=membership.organization_id, role=Role.OWNER)
    return owners.filter(user__is_active=True).exclude(pk=membership.pk)


def is_member_email(organization: Organization, email: str) -> bool:
    """Say whether a member has this e-mail, whatever its case."""
    return members_of(organization).filter(user__email__iexact=email).exists()


def pending_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Return the organization's invitations that nobody accepted or revoked, expired ones too."""
    pending = Invitation.objects.for_org(organization).filter(accepted_at=None, revoked_at=None)
    return pending.select_related("invited_by")


def get_team_row(organization: Organization, row_id: object) -> Membership | Invitation | None:
    """Find a membership or a pending invitation; None for ids that are nobody's or another's."""
    parsed = parse_uuid(row_id)
    if parsed is None:
        return None
    membership = members_of(organization).filter(pk=parsed).first()
    return membership or pending_invitations(organization).filter(pk=parsed).first()


def get_invitation(token_hash: str) -> Invitation | None:
    """Find the invitation whose newest mail holds this token, with its organization."""
    found = Invitation.objects.filter(token_hash=token_hash)
    return found.select_related("organization", "invited_by").first()


def working_keys_by(membership: Membership) -> QuerySet[ApiKey]:
    """Return the keys that a member made for the organization and that still open it."""
    keys = ApiKey.objects.filter(organization_id=membership.organization_id, revoked_at=None)
    return keys.filter(created_by_id=membership.user_id)


def _memberships(user: User) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(user_id=user.pk)
        .select_related("organization")
        .order_by("created_at", "pk")
    )
