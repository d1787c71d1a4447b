"""Rows of the engine, for the tests of their pages: each call makes new ones."""

import uuid
from collections.abc import Callable
from decimal import Decimal

from django.db.models import Model

from billing.engine.models import (
    DunningState,
    EngineCoupon,
    EngineInvoice,
    EnginePrice,
    EngineSubscription,
    NumberSeries,
    Payer,
    SellerNumbers,
    TaxEntry,
)
from billing.types import SubscriptionSnapshot
from orgs import clock
from tests.billing.builders import make_organization
from tests.billing.engine.engine_steps import Clock, Shop, new_key, open_shop
from tests.billing.engine.scripted_rail import ScriptedDriver


def _shop() -> Shop:
    return open_shop(ScriptedDriver(), Clock(clock.now()))


def _running() -> SubscriptionSnapshot:
    shop = _shop()
    running = shop.start(coupon=shop.coupon(uuid.uuid4().hex[:8].upper(), "forever"))
    row = EngineInvoice.objects.get(external_id=running.latest_invoice_id)
    shop.driver.refund_payment(
        row.payment_id,
        amount_minor=100,
        reason="duplicate",
        reference=uuid.uuid4().hex[:18],
        idempotency_key=new_key(),
    )
    return running


def payer() -> Model:
    return Payer.objects.get(external_id=_shop().payer)


def subscription() -> Model:
    return EngineSubscription.objects.get(external_id=_running().external_id)


def invoice() -> Model:
    return EngineInvoice.objects.get(external_id=_running().latest_invoice_id)


def price() -> Model:
    return EnginePrice.objects.get(external_id=_shop().price(plan=uuid.uuid4().hex[:8]))


def coupon() -> Model:
    code = uuid.uuid4().hex[:8].upper()
    return EngineCoupon.objects.get(external_id=_shop().coupon(code))


def tax_rate() -> Model:
    row: Model = TaxEntry.objects.create(name="VAT", percentage=Decimal(19), country="DE")
    return row


def numbering() -> Model:
    row: Model = SellerNumbers.objects.create(organization=make_organization(), prefix="ACME")
    return row


def series() -> Model:
    row: Model = NumberSeries.objects.create(organization=make_organization(), series="ACME")
    return row


def dunning() -> Model:
    unpaid = EngineInvoice.objects.get(external_id=_running().latest_invoice_id)
    row: Model = DunningState.objects.create(
        organization=unpaid.organization, invoice=unpaid, since=unpaid.issued_at
    )
    return row


PAGES: dict[str, Callable[[], Model]] = {
    "engine_payer": payer,
    "engine_enginesubscription": subscription,
    "engine_engineinvoice": invoice,
    "engine_engineprice": price,
    "engine_enginecoupon": coupon,
    "engine_taxentry": tax_rate,
    "engine_sellernumbers": numbering,
    "engine_numberseries": series,
    "engine_dunningstate": dunning,
}
EDITABLE = {"engine_taxentry", "engine_sellernumbers"}
