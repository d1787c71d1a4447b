"""What the tests of accounts share."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from orgs import tokens
from orgs.models import Invitation, Organization, Role, User
from orgs.services import invite
from tests.orgs import probe
from tests.orgs.invitation_steps import EMAIL


@pytest.fixture
def calls() -> Iterator[type[probe.Calls]]:
    """What the probe view was asked to do."""
    probe.Calls.reset()
    yield probe.Calls
    probe.Calls.reset()


@pytest.fixture
def setup_token(alice: User, org: Organization) -> str:
    """The token that Alice got from registering `org`."""
    return tokens.SetupToken.issue(user=alice, organization=org)


@pytest.fixture
def invitation(org: Organization, alice: User) -> Invitation:
    """An invitation of Dana, whom Alice wants to look after the money."""
    return invite.invite_member(
        organization=org, actor=alice, email=EMAIL, role=Role.BILLING, now=timezone.now()
    ).invitation


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client
