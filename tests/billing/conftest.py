"""What the tests of billing share."""

import pytest
from django.test import Client

from billing.models import CheckoutSession, Price
from orgs.models import Organization, User
from tests.billing.checkout_steps import open_checkout


@pytest.fixture
def session(org: Organization, catalogue: dict[str, Price]) -> CheckoutSession:
    """An open checkout of Acme for Starter by the month."""
    return open_checkout(org, catalogue["starter:month"])[0]


@pytest.fixture
def payer(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client
