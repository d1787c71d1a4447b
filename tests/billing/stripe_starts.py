"""Subscriptions started at the simulated Stripe."""

from typing import Any

from billing.types import PaymentOutcome, SubscriptionSnapshot
from tests.billing import stripe_builders as build


def start(*, card: str = build.VISA, **changes: Any) -> SubscriptionSnapshot:
    spec = build.subscription_spec(card=card, **changes)
    return build.driver().create_subscription(spec, idempotency_key=build.new_key())


def outcome(snapshot: SubscriptionSnapshot) -> PaymentOutcome:
    assert snapshot.latest_payment is not None
    return snapshot.latest_payment
