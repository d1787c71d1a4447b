"""What the tests of billing share."""

from typing import Any

import pytest
from django.test import Client

from billing.drivers.stripe import calls
from billing.models import (
    CheckoutSession,
    Price,
)
from orgs.models import Organization, User
from tests.billing.api_caller import Caller, register
from tests.billing.builders import make_organization
from tests.billing.checkout_steps import open_checkout
from tests.factories import UserFactory


@pytest.fixture
def session(org: Organization, catalogue: dict[str, Price]) -> CheckoutSession:
    """An open checkout of Acme for Starter by the month."""
    return open_checkout(org, catalogue["starter:month"])[0]


@pytest.fixture
def payer(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def bistro(catalogue: dict[str, Price]) -> dict[str, Any]:
    return register()


@pytest.fixture
def setup(bistro: dict[str, Any]) -> Caller:
    return Caller(bistro["token"])


@pytest.fixture
def staff(client: Client) -> User:
    user = UserFactory.create(staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver ask again at once."""
    monkeypatch.setattr(calls, "_PAUSES_S", (0.01, 0.02))
