"""An organization with a card, what it starts, and a clock that tests turn."""

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.drivers.custom.driver import CustomDriver
from billing.engine.driver import EngineDriver
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.renewing import Step
from billing.enums import Proration
from billing.types import (
    ChangeSpec,
    CouponSpec,
    CustomerSpec,
    DiscountRef,
    PriceSpec,
    SubscriptionSnapshot,
    SubscriptionSpec,
)
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.engine.scripted_rail import ScriptedDriver, ScriptedRail

START = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
MONTHLY = 2900


def new_key() -> str:
    return f"key-{uuid.uuid4()}"


@dataclasses.dataclass
class Clock:
    """The engine's time: stands still until it is turned."""

    now: datetime = START

    def turn(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclasses.dataclass
class Shop:
    """One payer at a driver of the engine's kind."""

    driver: EngineDriver
    clock: Clock
    organization: Organization
    payer: str
    method: str = ""

    @property
    def rail(self) -> ScriptedRail:
        assert isinstance(self.driver, ScriptedDriver)
        return self.driver.gateway

    def price(self, amount: int = MONTHLY, interval: str = "month", plan: str = "pro") -> str:
        spec = PriceSpec(
            plan, plan.title(), 1, interval, "USD", amount, f"{plan}_{interval}_{amount}"
        )
        return self.driver.ensure_price(spec).external_id

    def coupon(self, code: str = "TWENTY", duration: Any = "repeating", **fields: Any) -> str:
        months = 3 if duration == "repeating" else 0
        terms = fields or {"percent_off": "20"}
        spec = CouponSpec("1", code, "Welcome", duration, duration_months=months, **terms)
        return self.driver.ensure_coupon(spec, idempotency_key=new_key())

    def spec(self, **fields: Any) -> SubscriptionSpec:
        wanted = SubscriptionSpec(
            our_id=str(uuid.uuid4()),
            organization_id=str(self.organization.pk),
            external_customer_id=self.payer,
            external_price_id=self.price(),
            seats=1,
            payment_method=self.method,
        )
        if "coupon" in fields:
            fields["discount"] = DiscountRef(fields.pop("coupon"))
        return dataclasses.replace(wanted, **fields)

    def start(self, key: str = "", **fields: Any) -> SubscriptionSnapshot:
        return self.driver.create_subscription(
            self.spec(**fields), idempotency_key=key or new_key()
        )

    def change_of(self, running: SubscriptionSnapshot, **fields: Any) -> ChangeSpec:
        wanted = ChangeSpec(
            external_customer_id=self.payer,
            external_price_id=running.external_price_id,
            external_subscription_id=running.external_id,
            seats=running.seats,
            proration=Proration.INVOICE,
        )
        if "coupon" in fields:
            fields["discount"] = DiscountRef(fields.pop("coupon"))
        return dataclasses.replace(wanted, **fields)

    def change(
        self, running: SubscriptionSnapshot, key: str = "", **fields: Any
    ) -> SubscriptionSnapshot:
        return self.driver.change_subscription(
            self.change_of(running, **fields), idempotency_key=key or new_key()
        )

    def advance(self, running: SubscriptionSnapshot) -> Step:
        return self.driver.advance(running.external_id)

    def at_period_end(self, running: SubscriptionSnapshot) -> Step:
        """Turn the clock to the end of the running period, and let the runner look."""
        row = self.row(running)
        self.clock.now = row.current_period_end
        return self.advance(running)

    def row(self, running: SubscriptionSnapshot) -> EngineSubscription:
        return EngineSubscription.objects.get(external_id=running.external_id)

    def invoices(self, running: SubscriptionSnapshot) -> list[EngineInvoice]:
        rows = EngineInvoice.objects.filter(subscription__external_id=running.external_id)
        return list(rows.order_by("issued_at", "created_at"))


def open_shop(driver: EngineDriver, clock: Clock) -> Shop:
    organization = make_organization()
    spec = CustomerSpec(str(uuid.uuid4()), str(organization.pk), "pay@acme.example", "Acme")
    payer = driver.create_customer(spec, idempotency_key=new_key())
    shop = Shop(driver, clock, organization, payer)
    if not isinstance(driver, CustomDriver):
        shop.method = driver.attach_payment_method(
            f"cc_pm_{uuid.uuid4().hex}", external_customer_id=payer, idempotency_key=new_key()
        )
    return shop
