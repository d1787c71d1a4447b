"""One-off payments at Stripe: authorized at a reader or with a card, captured by us."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, snapshots
from billing.types import PaymentIntentResult

if TYPE_CHECKING:
    import stripe


def create(
    *, amount_minor: int, currency: str, metadata: Mapping[str, str], idempotency_key: str
) -> PaymentIntentResult:
    """Prepare a payment that takes the money only when we capture it.

    Source: https://docs.stripe.com/terminal/payments/collect-card-payment (a reader needs
    `card_present`).
    """
    params: stripe.params.PaymentIntentCreateParams = {
        "amount": amount_minor,
        "currency": currency.lower(),
        "payment_method_types": ["card_present", "card"],
        "capture_method": "manual",
        "metadata": dict(metadata),
    }
    options = calls.keyed(idempotency_key)
    return snapshots.payment_intent(
        calls.write(lambda sdk: sdk.v1.payment_intents.create(params, options))
    )


def capture(external_id: str, *, idempotency_key: str) -> PaymentIntentResult:
    """Take an authorized payment; one that was taken already is returned as it is."""
    options = calls.keyed(idempotency_key)
    try:
        raw = calls.write(lambda sdk: sdk.v1.payment_intents.capture(external_id, {}, options))
    except DriverRejected as error:
        if error.detail != "payment_intent_unexpected_state":
            raise
        raw = calls.read_one("payment_intents", external_id)
        if raw["status"] != "succeeded":
            raise
    return snapshots.payment_intent(raw)
