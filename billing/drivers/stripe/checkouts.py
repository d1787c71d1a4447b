"""Stripe's own checkout page."""

from typing import TYPE_CHECKING

from billing.drivers.stripe import calls, discounts, snapshots
from billing.types import CheckoutSnapshot, CheckoutSpec

if TYPE_CHECKING:
    import stripe


def create(spec: CheckoutSpec, *, idempotency_key: str) -> CheckoutSnapshot:
    """Open a page that sells one subscription.

    The organization's id goes by a name of ours: dj-stripe writes to Stripe when it finds its own
    (`djstripe_subscriber`) on a session.

    Source: https://docs.stripe.com/api/checkout/sessions/create
    """
    subscription_data: stripe.params.checkout.SessionCreateParamsSubscriptionData = {
        "billing_mode": {"type": "flexible"},
        "metadata": {
            snapshots.SUBSCRIPTION_KEY: spec.our_subscription_id,
            snapshots.ORGANIZATION_KEY: spec.organization_id,
        },
    }
    if spec.trial_days:
        subscription_data["trial_period_days"] = spec.trial_days
    params: stripe.params.checkout.SessionCreateParams = {
        "mode": "subscription",
        "ui_mode": "hosted_page",
        "customer": spec.external_customer_id,
        "client_reference_id": spec.our_id,
        "line_items": [{"price": spec.external_price_id, "quantity": spec.seats}],
        "subscription_data": subscription_data,
        "metadata": {
            snapshots.CHECKOUT_KEY: spec.our_id,
            "organization_id": spec.organization_id,
        },
        "success_url": spec.success_url,
        "cancel_url": spec.cancel_url,
        "expires_at": int(spec.expires_at.timestamp()),
    }
    if spec.discount:
        params["discounts"] = [discounts.as_param(spec.discount)]
    options = calls.keyed(idempotency_key)
    return snapshots.checkout(
        calls.write(lambda sdk: sdk.v1.checkout.sessions.create(params, options))
    )


def retrieve(external_id: str) -> CheckoutSnapshot:
    """Ask for a checkout as it is now."""
    return snapshots.checkout(
        calls.read(lambda sdk: sdk.v1.checkout.sessions.retrieve(external_id))
    )


def expire(external_id: str, *, idempotency_key: str) -> CheckoutSnapshot:
    """Close an open page. Stripe refuses it for one that is complete or has expired."""
    options = calls.keyed(idempotency_key)
    return snapshots.checkout(
        calls.write(lambda sdk: sdk.v1.checkout.sessions.expire(external_id, {}, options))
    )
