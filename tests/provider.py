"""A catalogue that the simulated provider knows, and the simulator itself."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

from billing.drivers import registry
from billing.enums import Provider
from billing.models import ExternalPrice, Plan, PlanVersion, Price
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


_COPY = 'INSERT INTO "{0}" SELECT * FROM json_populate_recordset(NULL::"{0}", %s);'
_PUBLISH = """
UPDATE "{0}" SET published_at = r.published_at
FROM json_populate_recordset(NULL::"{0}", %s) AS r WHERE "{0}".id = r.id
"""


class Copied:
    """The rows of a catalogue, laid out once for a provider and copied from then on."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._of_providers: dict[str, dict[str, str]] = {}

    def lay_out(self, provider: str, make: Callable[[], None]) -> None:
        """Have the catalogue's rows in the database: made, or as they were made before."""
        if Plan.objects.exists():
            make()  # beside what the test has made
        elif provider in self._of_providers:
            self._copy(self._of_providers[provider])
        else:
            make()
            self._of_providers[provider] = self._made()

    def _made(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for model in apps.get_app_config("billing").get_models():
            table = model._meta.db_table
            if model._default_manager.exists():
                with connection.cursor() as cursor:
                    cursor.execute(f'SELECT json_agg(t)::text FROM "{table}" AS t')  # noqa: S608 - ours
                    found[table] = cursor.fetchone()[0]
        return found

    def _copy(self, made: dict[str, str]) -> None:
        """Write it in one go: which rows refer to which is looked at when the transaction ends."""
        rows = dict(made)
        versions = PlanVersion._meta.db_table
        published = rows[versions]
        # A published version takes no prices and features any more: it is published at the end.
        drafts = [{**row, "published_at": None} for row in json.loads(published)]
        rows[versions] = json.dumps(drafts)
        statements = [_COPY.format(table) for table in rows] + [_PUBLISH.format(versions)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("".join(statements), [*rows.values(), published])


@pytest.fixture(scope="session")
def _copied_catalogue() -> Copied:
    return Copied()


@pytest.fixture
def catalogue(
    db: None,
    stripe: StripeSimulator,
    _external_prices: dict[str, ExternalPriceRef],
    _copied_catalogue: Copied,
) -> dict[str, Price]:
    """The seeded tiers, linked to prices at the simulator: `starter:month` and so on."""
    _copied_catalogue.lay_out(stripe.base_url, lambda: _make_catalogue(_external_prices))
    prices = Price.objects.select_related("plan_version__plan")
    return {f"{price.plan_version.plan.code}:{price.interval}": price for price in prices}


def _make_catalogue(known: dict[str, ExternalPriceRef]) -> None:
    call_command("seed_plans", verbosity=0)
    driver = registry.get_driver(Provider.STRIPE)
    for price in Price.objects.select_related("plan_version__plan"):
        plan = price.plan_version.plan
        key = f"{plan.code}:{price.interval}"
        if price.is_free:
            continue
        if key not in known:
            spec = PriceSpec(
                plan_code=plan.code,
                plan_name=plan.name,
                version=price.plan_version.version,
                interval=price.interval,
                currency=price.currency,
                amount_minor=price.amount_minor,
                lookup_key=f"till_{plan.code}_v{price.plan_version.version}_{price.interval}_usd",
            )
            known[key] = driver.ensure_price(spec)
        ref = known[key]
        ExternalPrice.objects.update_or_create(
            price=price,
            provider=Provider.STRIPE,
            defaults={
                "external_id": ref.external_id,
                "external_product_id": ref.external_product_id,
            },
        )
