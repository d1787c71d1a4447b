"""What the tests of accounts share."""

from collections.abc import Iterator

import pytest

from orgs import tokens
from orgs.models import Organization, User
from tests.orgs import probe


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
