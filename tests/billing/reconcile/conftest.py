"""A provider of their own: these tests move its clock, which others go by."""

from collections.abc import Iterator

import pytest

from billing.types import ExternalPriceRef
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import settle
from tests.simulators.stripe.client import StripeSimulator


@pytest.fixture(scope="package")
def stripe_process() -> Iterator[StripeSimulator]:
    """A simulator whose clock nobody else reads."""
    with StripeSimulator.start() as running:
        yield running


@pytest.fixture(scope="package")
def _external_prices() -> dict[str, ExternalPriceRef]:
    """What that simulator calls our prices."""
    return {}


@pytest.fixture
def settled(shop: Shop) -> Shop:
    """A subscription that is at rest."""
    settle(shop)
    return shop
