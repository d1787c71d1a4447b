"""An organization that is charged through billing's services, over a scripted gateway."""

import dataclasses
from collections.abc import Callable
from typing import Any

from billing.drivers import registry
from billing.enums import Provider
from billing.models import ExternalPrice, Price, Subscription
from billing.services import changes, projection, quotes, subscribe
from billing.services.quotes import Wanted
from billing.types import Cause, PriceSpec
from orgs.models import Organization
from tests.billing.builders import make_organization, make_price
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.scripted_rail import ScriptedDriver, ScriptedRail

CAUSE = Cause("request", id="req_1")
PATH = "tests.billing.engine.scripted_rail.ScriptedDriver"


@dataclasses.dataclass
class Tenant:
    """An organization and its clock."""

    organization: Organization
    clock: Clock
    provider: Provider

    @property
    def driver(self) -> Any:
        return registry.get_driver(self.provider)

    @property
    def rail(self) -> ScriptedRail:
        assert isinstance(self.driver, ScriptedDriver)
        return self.driver.gateway

    @property
    def row(self) -> Subscription:
        return Subscription.objects.get(organization=self.organization)

    def price(self, code: str = "bistro", **fields: Any) -> Price:
        price = make_price(code, **fields)
        spec = PriceSpec(
            price.plan_version.plan.code,
            price.plan_version.plan.name,
            price.plan_version.version,
            price.interval,
            price.currency,
            price.amount_minor,
            f"{code}:{price.interval}",
        )
        ExternalPrice.objects.get_or_create(
            price=price,
            provider=self.provider,
            defaults={"external_id": self.driver.ensure_price(spec).external_id},
        )
        return price

    def start(self, **fields: Any) -> subscribe.Started:
        method = f"cc_pm_{self.organization.pk.hex}"
        method = method if self.provider is Provider.CARDCONNECT else ""
        wanted = {"price": self.price(), "payment_method": method, **fields}
        return subscribe.start_subscription(
            organization=self.organization,
            request=subscribe.StartRequest(provider=self.provider, **wanted),
            cause=CAUSE,
            now=self.clock.now,
        )

    def quote(self, **wanted: Any) -> Any:
        return quotes.make_quote(
            organization=self.organization, wanted=Wanted(**wanted), now=self.clock.now
        )

    def change(self, quote: Any = None, **wanted: Any) -> changes.Changed:
        return changes.change_subscription(
            organization=self.organization,
            wanted=Wanted(**wanted),
            quote_id=quote.pk if quote else None,
            cause=CAUSE,
            now=self.clock.now,
        )

    def call(self, service: Callable[..., Any], **fields: Any) -> Any:
        return service(organization=self.organization, cause=CAUSE, now=self.clock.now, **fields)

    def advance(self) -> Any:
        """Have the engine do what is due, and take over what it says."""
        fetched_at = projection.database_now()
        step = self.driver.advance(self.row.external_id)
        projection.converge(
            snapshot=step.snapshot,
            fetched_at=fetched_at,
            cause=Cause("sweep"),
            now=self.clock.now,
            happened=step.facts,
        )
        return step


def open_tenant(settings: Any, clock: Clock, provider: Provider) -> Tenant:
    settings.PAYMENT_DRIVERS = {**settings.PAYMENT_DRIVERS, "cardconnect": PATH}
    tenant = Tenant(make_organization("Acme"), clock, provider)
    if provider is Provider.CARDCONNECT:
        tenant.driver.gateway = ScriptedRail()
    return tenant
