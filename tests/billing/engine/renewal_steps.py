"""Tenants who are billed by the engine, and a runner that is let loose on them by the hour."""

import dataclasses
import uuid
from collections import Counter
from datetime import datetime

import pytest
from django.db.models import QuerySet

from billing.drivers import registry
from billing.engine.driver import EngineDriver
from billing.engine.models import DunningPolicy, DunningState, EngineInvoice, PlanDunning
from billing.enums import AccessLevel, AttemptState, SubscriptionStatus
from billing.models import Obligation, PaymentAttempt, PaymentFact, Plan, Price, Subscription
from billing.selectors import access
from billing.services import grace, projection, renewals
from billing.types import Cause, CustomerSpec
from notifications.models import Message
from orgs.models import Organization
from tests import factories_billing as make
from tests.billing.builders import make_organization
from tests.billing.engine.engine_steps import Clock, Shop
from tests.billing.engine.scripted_rail import ScriptedDriver, ScriptedRail


@dataclasses.dataclass
class Tenant:
    """An organization with a running subscription, in billing's rows and in the engine's."""

    shop: Shop
    row: Subscription

    @property
    def organization(self) -> Organization:
        return self.shop.organization

    @property
    def plan(self) -> Plan:
        return self.row.plan_version.plan

    @property
    def rail(self) -> ScriptedRail:
        return self.shop.rail

    @property
    def now(self) -> datetime:
        return self.shop.clock.now

    def seen(self) -> Subscription:
        return Subscription.objects.select_related("plan_version__plan").get(pk=self.row.pk)

    @property
    def status(self) -> str:
        return self.seen().status

    def may(self) -> AccessLevel:
        """What the organization may do right now."""
        return access.access_of(self.seen(), self.now).level

    @property
    def charges(self) -> list[datetime]:
        """When a charge was decided against us or for us, by our own rows."""
        rows = self.attempts.filter(state__in=[AttemptState.SUCCEEDED, AttemptState.FAILED])
        return [row.sent_at for row in rows.order_by("sent_at", "number") if row.sent_at]

    @property
    def attempts(self) -> QuerySet[PaymentAttempt]:
        return PaymentAttempt.objects.filter(obligation__in=self.debts)

    @property
    def debts(self) -> QuerySet[Obligation]:
        """What is owed for renewals, and not for the start."""
        names = [
            row.external_id for row in self.invoices if row.billing_reason == "subscription_cycle"
        ]
        return Obligation.objects.filter(
            organization=self.organization, invoice_external_id__in=names
        )

    @property
    def facts(self) -> list[str]:
        rows = PaymentFact.objects.filter(organization=self.organization)
        return [row.kind for row in rows.order_by("occurred_at", "created_at")]

    @property
    def invoices(self) -> list[EngineInvoice]:
        rows = EngineInvoice.objects.filter(organization=self.organization)
        return list(rows.order_by("issued_at", "created_at"))

    @property
    def dunning(self) -> DunningState:
        return DunningState.objects.get(organization=self.organization)

    def mails(self, kind: str) -> list[Message]:
        rows = Message.objects.filter(organization=self.organization, kind=kind)
        return list(rows.order_by("created_at"))

    def to_period_end(self) -> datetime:
        """Turn the clock to the end of the running period."""
        ends = self.seen().current_period_end
        assert ends is not None
        self.shop.clock.now = ends
        return ends

    def run(self, **by: float) -> Counter[str]:
        """Turn the clock, and do what the beat does: run what is due, then judge grace."""
        if by:
            self.shop.clock.turn(**by)
        ran = renewals.run_due(now=self.now)
        grace.end_grace(now=self.now)
        return ran

    def run_hourly(self, hours: int) -> None:
        for _hour in range(hours):
            self.run(hours=1)


def make_policy(plan: Plan, **values: object) -> DunningPolicy:
    row = DunningPolicy.objects.create(name=f"Policy {uuid.uuid4()}", **values)
    PlanDunning.objects.create(plan=plan, policy=row)
    return row


def subscribe(
    driver: EngineDriver, clock: Clock, *, price: Price | None = None, trial_days: int = 0
) -> Tenant:
    """Start a subscription at the engine, and take it over as a service would."""
    organization = make_organization()
    customer = make.CustomerFactory.create(
        organization=organization, provider=driver.name, external_id=f"cus-{uuid.uuid4()}"
    )
    spec = CustomerSpec(str(customer.pk), str(organization.pk), "pay@acme.example", "Acme")
    payer = driver.create_customer(spec, idempotency_key=f"{uuid.uuid4()}")
    customer.external_id = payer
    customer.save()
    shop = Shop(driver, clock, organization, payer)
    if isinstance(driver, ScriptedDriver):
        shop.method = driver.attach_payment_method(
            f"cc_pm_{uuid.uuid4().hex}", external_customer_id=payer, idempotency_key="k"
        )
    price = price or make.PriceFactory.create()
    plan = price.plan_version.plan
    external_price = shop.price(price.amount_minor, price.interval, plan.code)
    if not price.external_prices.filter(provider=driver.name).exists():
        make.ExternalPriceFactory.create(
            price=price, provider=driver.name, external_id=external_price
        )
    row = make.SubscriptionFactory.create(
        organization=organization,
        customer=customer,
        price=price,
        provider=driver.name,
        external_id="",
        status=SubscriptionStatus.INCOMPLETE,
        activated_at=None,
    )
    snapshot = shop.start(
        our_id=str(row.pk), external_price_id=external_price, trial_days=trial_days
    )
    projection.converge(
        snapshot=snapshot,
        fetched_at=projection.database_now(),
        cause=Cause("request"),
        now=clock.now,
    )
    return Tenant(shop, row)


def use_driver(monkeypatch: pytest.MonkeyPatch, *drivers: EngineDriver) -> None:
    """Have services find these drivers behind the registry's door."""
    by_name: dict[str, EngineDriver] = {str(driver.name): driver for driver in drivers}
    real = registry.get_driver
    monkeypatch.setattr(registry, "get_driver", lambda name: by_name.get(str(name)) or real(name))
