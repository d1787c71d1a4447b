"""What the tests of billing share."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from billing.drivers.stripe import calls
from billing.models import (
    CheckoutSession,
    Price,
    Subscription,
)
from billing.selectors import entitlements
from billing.services import payers
from orgs import clock
from orgs.models import Organization, User
from tests.billing import change_steps
from tests.billing.api_caller import Caller, register, signed_in
from tests.billing.builders import make_organization
from tests.billing.checkout_steps import open_checkout
from tests.billing.invoice_event_steps import Shop
from tests.billing.page_steps import run
from tests.billing.stripe_terminal_cases import Till
from tests.billing.stripe_terminal_cases import till as stripe_till
from tests.billing.subscribe_steps import CAUSE, start
from tests.billing.trial_steps import make_trial_price
from tests.factories import UserFactory
from tests.simulators.stripe.client import StripeSimulator


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
def running(org: Organization, catalogue: dict[str, Price]) -> Subscription:
    """Acme's Starter by the month, paid by card."""
    return run(org, catalogue["starter:month"])


@pytest.fixture
def bistro(catalogue: dict[str, Price]) -> dict[str, Any]:
    return register()


@pytest.fixture
def setup(bistro: dict[str, Any]) -> Caller:
    return Caller(bistro["token"])


@pytest.fixture
def owner(bistro: dict[str, Any]) -> Caller:
    """Bistro's owner, signed in."""
    return signed_in(bistro["user"]["email"])


@pytest.fixture
def paying(owner: Caller) -> Caller:
    """Bistro's owner, with two seats of Starter paid by card."""
    body = {"plan": "starter", "payment_method": "pm_card_visa", "seats": 2}
    answer = owner.post("/billing/subscription", body)
    assert answer.status_code == 201, answer.content
    return owner


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


@pytest.fixture
def subscribed(catalogue: dict[str, Price]) -> Organization:
    """Pays for Starter with a Visa that was seen here already."""
    organization = make_organization()
    start(organization, catalogue["starter:month"], "pm_card_visa")
    payers.see_unseen(organization=organization, cause=CAUSE, now=clock.now())
    return organization


@pytest.fixture
def price(catalogue: dict[str, Price]) -> Price:
    """Starter: $29.00 a month."""
    return catalogue["starter:month"]


@pytest.fixture(params=["short", "long"])
def prefix(request: pytest.FixtureRequest, bistro: dict[str, Any]) -> str:
    """Both spellings of a tenant's path."""
    if request.param == "short":
        return "/billing"
    return f"/billing/tenants/{bistro['organization']['id']}"


@pytest.fixture
def shop(stripe: StripeSimulator, catalogue: dict[str, Price]) -> Shop:
    """A tenant of Starter by the month, and the events about it."""
    return Shop(stripe, catalogue["starter:month"])


@pytest.fixture
def till(stripe: StripeSimulator) -> Till:
    """A reader of its own at Stripe."""
    return stripe_till(stripe)


@pytest.fixture
def counted() -> Iterator[list[tuple[Organization, datetime | None]]]:
    """Count 40 messages for everybody; yields who was asked about, and since when."""
    asked: list[tuple[Organization, datetime | None]] = []

    def counter(organization: Organization, since: datetime | None) -> int:
        asked.append((organization, since))
        return 40

    entitlements.register_counter("messages", counter)
    yield asked
    entitlements.unregister_counter("messages")


@pytest.fixture
def row(organization: Organization, catalogue: dict[str, Price]) -> Subscription:
    """Two seats of Starter by the month, paid by card."""
    return change_steps.subscribed(organization, catalogue["starter:month"])


@pytest.fixture
def taster(stripe: StripeSimulator) -> Price:
    """$29.00 a month, after 14 days."""
    return make_trial_price()
