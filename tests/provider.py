"""A catalogue that the simulated provider knows, and the simulator itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from billing.drivers import registry
from billing.enums import Provider
from billing.models import ExternalPrice, Price
from billing.types import ExternalPriceRef, PriceSpec
from tests.simulators.stripe.client import StripeSimulator

WEBHOOK_SECRET = "whsec_testtesttesttesttesttesttest0000"


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[StripeSimulator]:
    """One simulator process for all tests of a worker."""
    with StripeSimulator.start() as running:
        yield running


@pytest.fixture
def stripe(stripe_process: StripeSimulator, settings: Any) -> Iterator[StripeSimulator]:
    """The simulator, empty of faults, with our settings pointing at it."""
    settings.STRIPE_API_BASE = stripe_process.base_url
    settings.STRIPE_API_HOST = stripe_process.base_url
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    yield stripe_process
    stripe_process.clear_faults()


@pytest.fixture(scope="session")
def _external_prices() -> dict[str, ExternalPriceRef]:
    """What the simulator calls our prices; asked once, because prices never change."""
    return {}


@pytest.fixture
def catalogue(
    db: None, stripe: StripeSimulator, _external_prices: dict[str, ExternalPriceRef]
) -> dict[str, Price]:
    """The seeded tiers, linked to prices at the simulator: `starter:month` and so on."""
    call_command("seed_plans", verbosity=0)
    prices = {}
    driver = registry.get_driver(Provider.STRIPE)
    for price in Price.objects.select_related("plan_version__plan"):
        plan = price.plan_version.plan
        key = f"{plan.code}:{price.interval}"
        prices[key] = price
        if price.is_free:
            continue
        if key not in _external_prices:
            spec = PriceSpec(
                plan_code=plan.code,
                plan_name=plan.name,
                version=price.plan_version.version,
                interval=price.interval,
                currency=price.currency,
                amount_minor=price.amount_minor,
                lookup_key=f"till_{plan.code}_v{price.plan_version.version}_{price.interval}_usd",
            )
            _external_prices[key] = driver.ensure_price(spec)
        ref = _external_prices[key]
        ExternalPrice.objects.update_or_create(
            price=price,
            provider=Provider.STRIPE,
            defaults={
                "external_id": ref.external_id,
                "external_product_id": ref.external_product_id,
            },
        )
    return prices
