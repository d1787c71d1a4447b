"""Every write and every question of Stripe's driver, ready to be disturbed."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billing.types import CheckoutSpec
from tests.billing import stripe_builders as build
from tests.simulators.stripe.client import StripeSimulator

Call = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Case:
    """A call of the driver, the request that is disturbed, and what has to exist before it."""

    method: str
    path: str
    prepare: Callable[[StripeSimulator], Call]


def create_customer(_: StripeSimulator) -> Call:
    spec, key = build.customer_spec(), build.new_key()
    return lambda: build.driver().create_customer(spec, idempotency_key=key)


def attach(_: StripeSimulator) -> Call:
    customer = build.make_customer()
    return lambda: build.attach(customer)


def create_subscription(_: StripeSimulator) -> Call:
    spec, key = build.subscription_spec(), build.new_key()
    return lambda: build.driver().create_subscription(spec, idempotency_key=key)


def _started(card: str = build.VISA) -> str:
    spec = build.subscription_spec(card=card)
    return build.driver().create_subscription(spec, idempotency_key=build.new_key()).external_id


def cancel(_: StripeSimulator) -> Call:
    external_id, key = _started(), build.new_key()
    return lambda: build.driver().cancel_subscription(external_id, idempotency_key=key)


def abandon(_: StripeSimulator) -> Call:
    external_id, key = _started(card=""), build.new_key()
    return lambda: build.driver().abandon_subscription(external_id, idempotency_key=key)


def checkout_spec(stripe: StripeSimulator) -> CheckoutSpec:
    return CheckoutSpec(
        our_id="c0ffee00-0000-4000-8000-000000000001",
        our_subscription_id="c0ffee00-0000-4000-8000-000000000002",
        organization_id="c0ffee00-0000-4000-8000-000000000003",
        external_customer_id=build.make_customer(),
        external_price_id=build.make_price().external_id,
        seats=1,
        success_url="https://till.test/done",
        cancel_url="https://till.test/plans",
        expires_at=datetime.fromtimestamp(stripe.now(), UTC) + timedelta(hours=1),
    )


def create_checkout(stripe: StripeSimulator) -> Call:
    spec, key = checkout_spec(stripe), build.new_key()
    return lambda: build.driver().create_checkout_session(spec, idempotency_key=key)


def _opened(stripe: StripeSimulator) -> str:
    spec = checkout_spec(stripe)
    opened = build.driver().create_checkout_session(spec, idempotency_key=build.new_key())
    return opened.external_id


def expire_checkout(stripe: StripeSimulator) -> Call:
    external_id, key = _opened(stripe), build.new_key()
    return lambda: build.driver().expire_checkout_session(external_id, idempotency_key=key)


def create_payment(_: StripeSimulator) -> Call:
    key = build.new_key()
    return lambda: build.driver().create_payment_intent(
        amount_minor=500, currency="USD", metadata={}, idempotency_key=key
    )


def capture(stripe: StripeSimulator) -> Call:
    prepared = build.driver().create_payment_intent(
        amount_minor=500, currency="USD", metadata={}, idempotency_key=build.new_key()
    )
    path = f"/v1/payment_intents/{prepared.external_id}/confirm"
    stripe.api("POST", path, {"payment_method": build.VISA})
    key = build.new_key()
    return lambda: build.driver().capture_payment(prepared.external_id, idempotency_key=key)


def ensure_price(_: StripeSimulator) -> Call:
    code = f"p{build.new_key()[-12:]}"
    return lambda: build.make_price(plan_code=code, lookup_key=f"till_{code}")


WRITES = {
    "create_customer": Case("POST", "/customers$", create_customer),
    "attach": Case("POST", "/attach$", attach),
    "create_subscription": Case("POST", "/subscriptions$", create_subscription),
    "cancel": Case("DELETE", "/subscriptions/", cancel),
    "abandon": Case("POST", "/void$", abandon),
    "create_checkout": Case("POST", "/sessions$", create_checkout),
    "expire_checkout": Case("POST", "/expire$", expire_checkout),
    "create_payment": Case("POST", "/payment_intents$", create_payment),
    "capture": Case("POST", "/capture$", capture),
    "create_price": Case("POST", "/prices$", ensure_price),
    "create_product": Case("POST", "/products$", ensure_price),
}


def find_customer(_: StripeSimulator) -> Call:
    spec = build.customer_spec()
    build.driver().create_customer(spec, idempotency_key=build.new_key())
    return lambda: build.driver().find_customer(spec)


def retrieve(_: StripeSimulator) -> Call:
    external_id = _started()
    return lambda: build.driver().retrieve_subscription(external_id)


def retrieve_open(_: StripeSimulator) -> Call:
    external_id = _started(card="")
    return lambda: build.driver().retrieve_subscription(external_id)


def find_subscription(_: StripeSimulator) -> Call:
    spec = build.subscription_spec()
    build.driver().create_subscription(spec, idempotency_key=build.new_key())
    return lambda: build.driver().find_subscription(
        our_id=spec.our_id, external_customer_id=spec.external_customer_id
    )


def client_secret(_: StripeSimulator) -> Call:
    external_id = _started(card="")
    return lambda: build.driver().client_secret(external_id)


def retrieve_checkout(stripe: StripeSimulator) -> Call:
    external_id = _opened(stripe)
    return lambda: build.driver().retrieve_checkout_session(external_id)


QUESTIONS = {
    "find_customer": Case("GET", "/customers$", find_customer),
    "retrieve_subscription": Case("GET", "/subscriptions/", retrieve),
    "retrieve_intent": Case("GET", "/payment_intents/", retrieve_open),
    "find_subscription": Case("GET", "/subscriptions$", find_subscription),
    "client_secret": Case("GET", "/subscriptions/", client_secret),
    "retrieve_checkout": Case("GET", "/sessions/", retrieve_checkout),
    "find_price": Case("GET", "/prices$", ensure_price),
}
