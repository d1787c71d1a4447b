"""Dana, who is invited, and the proof that she has not joined."""

from orgs.models import Invitation, Membership, Organization
from tests.factories import PASSWORD

NEW = {"full_name": "Dana Doe", "password": PASSWORD}


EMAIL = "dana@example.com"


def assert_nothing_happened(organization: Organization) -> None:
    assert Membership.objects.for_org(organization).count() == 1
    assert Invitation.objects.get().accepted_at is None
