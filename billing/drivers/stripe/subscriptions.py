"""Subscriptions at Stripe: start, ask, find, end, give up."""

import dataclasses
from typing import Any

import stripe

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, discounts, errors, invoices, snapshots
from billing.drivers.stripe.calls import Json
from billing.enums import FINAL_STATUSES, SubscriptionStatus
from billing.types import SubscriptionSnapshot, SubscriptionSpec

# The intent behind the invoice's payment would be a fifth level, which Stripe refuses ("data"
# counts). Source: https://docs.stripe.com/expand and stripe/stripe-java#2011
_EXPAND = [
    "latest_invoice.confirmation_secret",
    "latest_invoice.payments",
    "pending_setup_intent",
    discounts.EXPAND,
    "schedule",
]

# Stripe's closed list of reasons; anything else goes to the comment.
# Source: https://docs.stripe.com/api/subscriptions/object#subscription_object-cancellation_details-feedback
FEEDBACK = frozenset(
    {
        "customer_service",
        "low_quality",
        "missing_features",
        "other",
        "switched_service",
        "too_complex",
        "too_expensive",
        "unused",
    }
)


def create(spec: SubscriptionSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Start a subscription, charging the given card, or waiting for one to be entered.

    Source: https://docs.stripe.com/billing/subscriptions/overview#payment-behavior
    """
    params: stripe.params.SubscriptionCreateParams = {
        "customer": spec.external_customer_id,
        "items": [{"price": spec.external_price_id, "quantity": spec.seats}],
        "payment_behavior": "allow_incomplete" if spec.payment_method else "default_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "billing_mode": {"type": "flexible"},
        "metadata": {
            snapshots.SUBSCRIPTION_KEY: spec.our_id,
            snapshots.ORGANIZATION_KEY: spec.organization_id,
        },
        "expand": _EXPAND,
    }
    if spec.payment_method:
        params["default_payment_method"] = spec.payment_method
    if spec.trial_days:
        params["trial_period_days"] = spec.trial_days
    if spec.discount:
        params["discounts"] = [discounts.as_param(spec.discount)]
    options = calls.keyed(idempotency_key)
    created = calls.write(lambda sdk: sdk.v1.subscriptions.create(params, options))
    with errors.after_write():
        return _snapshot(created)


def retrieve(external_id: str) -> SubscriptionSnapshot:
    """Ask for a subscription as it is now."""
    return _snapshot(raw(external_id))


def find(*, our_id: str, external_customer_id: str) -> SubscriptionSnapshot | None:
    """Look through a payer's subscriptions for ours; one that has not ended goes first.

    Lists are up to date at once; Stripe's search is not.
    """

    def page(sdk: stripe.StripeClient, after: str | None) -> stripe.StripeObject:
        params: stripe.params.SubscriptionListParams = {
            "customer": external_customer_id,
            "status": "all",
            "limit": 100,
        }
        if after:
            params["starting_after"] = after
        return sdk.v1.subscriptions.list(params)

    mine = [
        row
        for row in calls.pages(page)
        if row["metadata"].get(snapshots.SUBSCRIPTION_KEY) == our_id
    ]
    if not mine:
        return None
    going_on = [row for row in mine if row["status"] not in FINAL_STATUSES]
    return retrieve((going_on or mine)[0]["id"])


def cancel(
    external_id: str, *, idempotency_key: str, reason: str = "", comment: str = ""
) -> SubscriptionSnapshot:
    """End a subscription now; one that has ended already is returned as it is."""
    options = calls.keyed(idempotency_key)
    params: stripe.params.SubscriptionCancelParams = {}
    details = cancellation_details(reason, comment)
    if details:
        params["cancellation_details"] = details
    try:
        calls.write(lambda sdk: sdk.v1.subscriptions.cancel(external_id, params, options))
    except DriverRejected:
        snapshot = retrieve(external_id)
        if snapshot.status in FINAL_STATUSES:
            return snapshot
        raise
    with errors.after_write():
        return retrieve(external_id)


def cancellation_details(reason: str, comment: str) -> Any:
    """Return why somebody leaves, in Stripe's words; empty for nothing said."""
    details: dict[str, str] = {}
    if reason in FEEDBACK:
        details["feedback"] = reason
    elif reason:
        details["feedback"] = "other"
        comment = f"{reason}: {comment}" if comment else reason
    if comment:
        details["comment"] = comment
    return details


def update(
    external_id: str,
    params: "stripe.params.SubscriptionModifyParams",
    *,
    idempotency_key: str,
) -> SubscriptionSnapshot:
    """Change a subscription; return it as it is afterwards."""
    options = calls.keyed(idempotency_key)
    full: stripe.params.SubscriptionModifyParams = {**params, "expand": _EXPAND}
    updated = calls.write(lambda sdk: sdk.v1.subscriptions.update(external_id, full, options))
    with errors.after_write():
        return _snapshot(updated)


def abandon(external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Void the first invoice while it is open: Stripe then lets the subscription expire.

    Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses

    Raises:
        DriverRejected: it was paid.
    """
    found = raw(external_id)
    status, invoice = SubscriptionStatus(found["status"]), found["latest_invoice"]
    if status in FINAL_STATUSES:
        return _snapshot(found)
    if status != SubscriptionStatus.INCOMPLETE:
        raise DriverRejected("INVALID_REQUEST", detail="subscription_is_live")
    if not isinstance(invoice, dict) or invoice["status"] != "open":
        return _snapshot(found)
    options = calls.keyed(idempotency_key, "void")
    calls.write(lambda sdk: sdk.v1.invoices.void_invoice(invoice["id"], {}, options))
    with errors.after_write():
        return retrieve(external_id)


def client_secret(external_id: str) -> str:
    """Return the secret of the open payment, or of the card that a trial still needs."""
    payment = retrieve(external_id).latest_payment
    return payment.client_secret if payment else ""


def raw(external_id: str) -> Json:
    """Return a subscription as Stripe shows it, with what our snapshots are made of."""
    return calls.read_one("subscriptions", external_id, expand=_EXPAND)


def _snapshot(found: Json) -> SubscriptionSnapshot:
    intent_id = snapshots.intent_to_ask_for(found)
    intent = calls.read_one("payment_intents", intent_id) if intent_id else None
    snapshot = snapshots.subscription(found, intent)
    return dataclasses.replace(snapshot, latest_invoice=invoices.latest_of(found))
