"""A simulator that checks every call against the contract, fresh for each test."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import stripe as sdk
from playwright.sync_api import Browser, Page, sync_playwright

from tests.contract import spec_from_sdk
from tests.simulators import shop as shop_page
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.counter_steps import Counter
from tests.simulators.payer import Payer
from tests.simulators.reader_steps import Till
from tests.simulators.receiver import Receiver
from tests.simulators.standing_steps import Case
from tests.simulators.stripe import API_VERSION
from tests.simulators.stripe.client import PUBLISHABLE_KEY, SECRET_KEY, StripeSimulator

# 2026-03-02 12:00 UTC: far from the hour at which batches close.
NOON = 1_772_452_800


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[StripeSimulator]:
    """One process for the tests of a module."""
    with StripeSimulator.start(spec=spec_from_sdk.cached()) as running:
        yield running


@pytest.fixture
def simulator(running_simulator: StripeSimulator) -> StripeSimulator:
    """The process with nothing in it."""
    running_simulator.reset(endpoints=True)
    return running_simulator


@pytest.fixture(scope="module")
def running_gateway() -> Iterator[CardPointeSimulator]:
    """One CardPointe process for the tests of a module."""
    with CardPointeSimulator.start() as running:
        yield running


@pytest.fixture
def gateway(running_gateway: CardPointeSimulator) -> CardPointeSimulator:
    """CardPointe with nothing in it, at noon, without a limit of calls."""
    running_gateway.reset(now=NOON)
    running_gateway.settings(rate_limit=0)
    return running_gateway


@pytest.fixture
def till(gateway: CardPointeSimulator) -> Till:
    """A till at the one reader of a fresh simulator."""
    return Till(gateway)


@pytest.fixture
def v1(simulator: StripeSimulator) -> Any:
    """The SDK, talking to the simulator."""
    return connect(simulator).v1


def connect(simulator: StripeSimulator) -> sdk.StripeClient:
    return sdk.StripeClient(
        SECRET_KEY,
        stripe_version=API_VERSION,
        base_addresses={"api": simulator.base_url},
        max_network_retries=0,
    )


@pytest.fixture
def price(v1: Any) -> Any:
    """A monthly price of $29."""
    product = v1.products.create({"name": "Starter"})
    return v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
        }
    )


@pytest.fixture
def customer(v1: Any) -> Any:
    """A customer without a card."""
    return v1.customers.create({"email": "ada@example.test", "name": "Ada"})


@pytest.fixture
def card(v1: Any, customer: Any) -> Any:
    """A card that pays, saved as the customer's default."""
    return save_card(v1, customer, "pm_card_visa")


@pytest.fixture
def subscription(v1: Any, customer: Any, card: Any, price: Any) -> Any:
    """What the payer pays for."""
    return v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


def save_card(v1: Any, customer: Any, name: str) -> Any:
    method = v1.payment_methods.attach(name, {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    return method


def new_price(v1: Any, price: Any, amount: int, interval: str = "month") -> Any:
    return v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": interval},
        }
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def payer(simulator: StripeSimulator) -> Iterator[Payer]:
    """Someone with a browser."""
    browser = Payer(simulator.base_url)
    yield browser
    browser.http.close()


@pytest.fixture
def secret(v1: Any, receiver: Receiver) -> Iterator[str]:
    """The secret of an endpoint at the receiver that gets every event."""
    made = v1.webhook_endpoints.create(
        {"url": f"{receiver.url}/hooks?x=1", "enabled_events": ["*"]}
    )
    yield made.secret
    v1.webhook_endpoints.delete(made.id)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=shop_page.CHROMIUM, args=shop_page.FLAGS
        )
        yield running
        running.close()


@pytest.fixture
def shop(simulator: StripeSimulator) -> Iterator[Receiver]:
    """A page of ours, under the policy that the product's pages have."""
    origin = simulator.base_url
    policy = (
        f"default-src 'none'; script-src 'self' {origin}; frame-src {origin}; "
        f"connect-src 'self' {origin}; style-src 'self'"
    )
    pages = {
        "/": ("text/html", shop_page.SHOP % origin),
        "/shop.js": ("text/javascript", shop_page.SCRIPT % json.dumps(PUBLISHABLE_KEY)),
    }
    server = Receiver(pages, policy)
    yield server
    server.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may break the policy or throw."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    context.close()
    assert troubles == []


@pytest.fixture
def case(simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any) -> Case:
    return Case(simulator, v1, customer, price)


@pytest.fixture
def counter(simulator: StripeSimulator, v1: Any) -> Counter:
    """A till and the reader that a fresh account has."""
    return Counter(simulator, v1)
