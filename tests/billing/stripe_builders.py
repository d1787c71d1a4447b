"""Boring objects at the simulated Stripe, made through the driver that is tested."""

import uuid
from typing import Any

from billing.drivers import registry
from billing.drivers.base import PaymentDriver
from billing.enums import Provider
from billing.types import CustomerSpec, ExternalPriceRef, PriceSpec, SubscriptionSpec

VISA = "pm_card_visa"
DECLINED_AT_ATTACH = "pm_card_chargeDeclined"
NO_FUNDS_AT_ATTACH = "pm_card_chargeDeclinedInsufficientFunds"
DECLINED_AT_CHARGE = "pm_card_chargeCustomerFail"
ASKS_EVERY_TIME = "pm_card_authenticationRequired"


def driver() -> PaymentDriver:
    return registry.get_driver(Provider.STRIPE)


def new_key() -> str:
    return f"key-{uuid.uuid4()}"


def price_spec(**changes: Any) -> PriceSpec:
    fields: dict[str, Any] = {
        "plan_code": "starter",
        "plan_name": "Starter",
        "version": 1,
        "interval": "month",
        "currency": "USD",
        "amount_minor": 2900,
        "lookup_key": "till_driver_starter_v1_month_usd",
    }
    return PriceSpec(**{**fields, **changes})


def make_price(**changes: Any) -> ExternalPriceRef:
    return driver().ensure_price(price_spec(**changes))


def customer_spec(**changes: Any) -> CustomerSpec:
    our_id = str(uuid.uuid4())
    fields: dict[str, Any] = {
        "our_id": our_id,
        "organization_id": str(uuid.uuid4()),
        "email": f"{our_id[:8]}@example.com",
        "name": "Acme",
    }
    return CustomerSpec(**{**fields, **changes})


def make_customer() -> str:
    return driver().create_customer(customer_spec(), idempotency_key=new_key())


def attach(customer: str, card: str = VISA) -> str:
    return driver().attach_payment_method(
        card, external_customer_id=customer, idempotency_key=new_key()
    )


def subscription_spec(*, card: str = VISA, **changes: Any) -> SubscriptionSpec:
    """A start that is ready to be sent: customer, price and (unless `card` is empty) a card."""
    customer = changes.pop("external_customer_id", None) or make_customer()
    fields: dict[str, Any] = {
        "our_id": str(uuid.uuid4()),
        "organization_id": str(uuid.uuid4()),
        "external_customer_id": customer,
        "external_price_id": make_price().external_id,
        "seats": 1,
        "payment_method": attach(customer, card) if card else "",
    }
    return SubscriptionSpec(**{**fields, **changes})
