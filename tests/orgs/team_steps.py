"""What tests of teams share."""

import json

from notifications.models import Message
from orgs.models import Invitation, Membership, Organization, Role, User
from tests.factories import MembershipFactory


def token_of(invitation: Invitation) -> str:
    """Return the token in the newest mail of an invitation."""
    message = Message.objects.get(
        kind="team_invitation", key=f"{invitation.pk}:{invitation.times_sent}"
    )
    return str(json.loads(message.sealed)["accept_url"]).rpartition("/")[2]


def membership_of(user: User, organization: Organization) -> Membership:
    """Return a user's place in an organization."""
    return Membership.objects.get(user=user, organization=organization)


def add_member(organization: Organization, role: Role, email: str = "dana@example.com") -> User:
    """Return somebody new on the team."""
    user: User = MembershipFactory.create(
        organization=organization, role=role, user__email=email, user__full_name="Dana Doe"
    ).user
    return user
