"""Every write and every question of Stripe's driver about invoices, ready to be disturbed."""

from billing.types import SubscriptionSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.simulators.stripe.client import StripeSimulator


def unpaid() -> SubscriptionSnapshot:
    """A start whose first invoice waits for a card."""
    spec = build.subscription_spec(card="")
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def retrieve(_: StripeSimulator) -> Call:
    external_id = unpaid().latest_invoice_id
    return lambda: build.driver().retrieve_invoice(external_id)


def pay(_: StripeSimulator) -> Call:
    started, key = unpaid(), build.new_key()
    method = build.attach(started.external_customer_id)
    return lambda: build.driver().pay_invoice(
        started.latest_invoice_id, payment_method=method, idempotency_key=key
    )


WRITES = {"pay_invoice": Case("POST", "/pay$", pay)}
QUESTIONS = {"retrieve_invoice": Case("GET", "/invoices/", retrieve)}
CALLS = {"retrieve_invoice": retrieve, "pay_invoice": pay}
