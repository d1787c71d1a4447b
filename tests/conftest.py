"""What all tests share: the database, and Alice, Bob and Charlie.

Alice owns `org`, Bob may look at it, Charlie owns `other_org` and has no business in `org`.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from rest_framework.test import APIClient

from orgs import tokens
from orgs.models import Organization, Role, User
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytest_plugins = ["tests.provider", "tests.log_scan", "tests.measuring"]

Api = Callable[..., APIClient]


def pytest_configure(config: pytest.Config) -> None:
    """Measure what runs in the tests' own processes, not in those that they start.

    Simulators, servers and workers do most of their work in slow motion otherwise. xdist's
    controller leaves it to its workers, which are measured because of what they inherit from it.
    """
    if not getattr(config.option, "numprocesses", None):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Take the migrated clone that the settings made; it is dropped when the process ends."""
    cache.clear()
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture
def empty_redis() -> None:
    """Empty this worker's own Redis database: counters of rate limits, wake-up keys, queues."""
    cache.clear()


@pytest.fixture
def org(db: None) -> Organization:
    """The organization that a test is about."""
    return OrganizationFactory.create(name="Acme", slug="acme")


@pytest.fixture
def other_org(db: None) -> Organization:
    """Another organization, which must never be seen or touched."""
    return OrganizationFactory.create(name="Globex", slug="globex")


@pytest.fixture
def alice(org: Organization) -> User:
    """The owner of `org`."""
    return _member(org, Role.OWNER, "alice@example.com", "Alice Adams")


@pytest.fixture
def bob(org: Organization) -> User:
    """A viewer in `org`."""
    return _member(org, Role.VIEWER, "bob@example.com", "Bob Brown")


@pytest.fixture
def charlie(other_org: Organization) -> User:
    """The owner of `other_org`."""
    return _member(other_org, Role.OWNER, "charlie@example.com", "Charlie Clark")


@pytest.fixture
def api(empty_redis: None) -> Api:
    """Make clients: `api(alice)`, `api("till_test_…")` or any bearer token, `api()` for nobody.

    `organization=` sends `X-Organization`. Bodies are JSON unless `format=` says otherwise.
    """

    def client(who: User | str | None = None, *, organization: object = None) -> APIClient:
        made = APIClient()
        headers = {}
        if who is not None:
            token = tokens.issue_pair(who).access if isinstance(who, User) else who
            headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        if organization is not None:
            headers["HTTP_X_ORGANIZATION"] = str(getattr(organization, "pk", organization))
        made.credentials(**headers)
        return made

    return client


def _member(organization: Organization, role: Role, email: str, name: str) -> User:
    user = UserFactory.create(email=email, full_name=name)
    MembershipFactory.create(organization=organization, user=user, role=role)
    return user
