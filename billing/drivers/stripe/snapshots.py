"""From Stripe's objects (plain dicts, of the pinned version) to our frozen facts."""

from datetime import UTC, datetime
from typing import Any

from billing.drivers.stripe import discounts
from billing.enums import AttemptState, Provider, SubscriptionStatus
from billing.types import (
    CheckoutSnapshot,
    PaymentIntentResult,
    PaymentOutcome,
    ScheduledChange,
    SubscriptionSnapshot,
)

Json = dict[str, Any]

# The keys of our ids in Stripe's metadata.
SUBSCRIPTION_KEY = "till_subscription_id"
ORGANIZATION_KEY = "till_organization_id"
CUSTOMER_KEY = "till_customer_id"
CHECKOUT_KEY = "till_checkout_id"
PAYMENT_KEY = "till_payment_id"

_UNPAID = frozenset({"open", "uncollectible", "void"})


def subscription(raw: Json, intent: Json | None = None) -> SubscriptionSnapshot:
    """Return a subscription with its latest invoice expanded, and that invoice's intent, as ours.

    Source: https://docs.stripe.com/changelog/basil/2025-03-31/deprecate-subscription-current-period-start-and-end
    (periods belong to the items).
    """
    items: list[Json] = raw["items"]["data"]
    metadata = raw["metadata"] or {}
    sold = next((item for item in items if item.get("quantity") is not None), None)
    return SubscriptionSnapshot(
        provider=Provider.STRIPE,
        external_id=raw["id"],
        external_customer_id=id_of(raw["customer"]),
        status=_status(raw),
        our_id=metadata.get(SUBSCRIPTION_KEY, ""),
        organization_id=metadata.get(ORGANIZATION_KEY, ""),
        external_price_id=id_of((sold or items[0])["price"]) if items else "",
        seats=sold["quantity"] if sold else 1,
        current_period_start=_moment(min((i["current_period_start"] for i in items), default=None)),
        current_period_end=_moment(min((i["current_period_end"] for i in items), default=None)),
        cancel_at_period_end=raw["cancel_at_period_end"],
        cancel_at=_moment(raw["cancel_at"]),
        canceled_at=_moment(raw["canceled_at"]),
        ended_at=_moment(raw["ended_at"]),
        trial_end=_moment(raw["trial_end"]),
        latest_invoice_id=id_of(raw["latest_invoice"]),
        latest_payment=_latest_payment(raw, intent),
        discounts=discounts.on_subscription(raw),
        default_method_id=id_of(raw["default_payment_method"]),
        scheduled=_scheduled(raw["schedule"]),
        resumes_at=_moment((raw["pause_collection"] or {}).get("resumes_at")),
        awaits_payment_of_change=bool(raw["pending_update"]),
    )


def _status(raw: Json) -> SubscriptionStatus:
    """Return the status; Stripe leaves one whose collection is paused `active`.

    Source: https://docs.stripe.com/billing/subscriptions/pause-payment
    """
    status = SubscriptionStatus(raw["status"])
    if status is SubscriptionStatus.ACTIVE and raw["pause_collection"]:
        return SubscriptionStatus.PAUSED
    return status


def _scheduled(schedule: Any) -> ScheduledChange | None:
    """Return what the schedule over a subscription has it become next.

    Source: https://docs.stripe.com/billing/subscriptions/subscription-schedules
    """
    if not isinstance(schedule, dict) or not schedule["current_phase"]:
        return None
    now = schedule["current_phase"]["start_date"]
    following = [phase for phase in schedule["phases"] if phase["start_date"] > now]
    if not following:
        return None
    phase = min(following, key=lambda row: int(row["start_date"]))
    sold = next((row for row in phase["items"] if row.get("quantity") is not None), None)
    if sold is None:
        return None
    return ScheduledChange(
        external_id=schedule["id"],
        external_price_id=id_of(sold["price"]),
        seats=sold["quantity"],
        effective_at=datetime.fromtimestamp(phase["start_date"], UTC),
    )


def intent_to_ask_for(raw: Json) -> str:
    """Return the id of the payment intent that tells how an unpaid latest invoice is doing."""
    invoice = raw["latest_invoice"]
    if not isinstance(invoice, dict) or invoice["status"] not in _UNPAID:
        return ""
    return intent_of_invoice(invoice)


def checkout(raw: Json) -> CheckoutSnapshot:
    """Return a Checkout Session as ours."""
    return CheckoutSnapshot(
        external_id=raw["id"],
        status=raw["status"],
        url=raw["url"] or "",
        our_id=(raw["metadata"] or {}).get(CHECKOUT_KEY, ""),
        external_customer_id=id_of(raw["customer"]),
        external_subscription_id=id_of(raw["subscription"]),
    )


def payment_intent(raw: Json) -> PaymentIntentResult:
    """Return a payment intent as ours."""
    return PaymentIntentResult(
        external_id=raw["id"],
        status=raw["status"],
        amount_minor=raw["amount"],
        currency=raw["currency"].upper(),
        client_secret=raw["client_secret"] or "",
    )


def id_of(value: Any) -> str:
    """Return the id of a reference, whether or not it was expanded; empty for none."""
    return str(value["id"]) if isinstance(value, dict) else value or ""


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _latest_payment(raw: Json, intent: Json | None) -> PaymentOutcome | None:
    invoice = raw["latest_invoice"]
    if not isinstance(invoice, dict):
        return None
    if invoice["status"] == "paid":
        # Nothing to pay now, and a card that has still to be entered or confirmed for later.
        setup = raw["pending_setup_intent"]
        secret = setup["client_secret"] if isinstance(setup, dict) else ""
        return PaymentOutcome(
            AttemptState.SUCCEEDED, external_id=intent_of_invoice(invoice), client_secret=secret
        )
    return None if intent is None else _outcome(intent)


def _outcome(intent: Json) -> PaymentOutcome:
    """Return what a payment intent has come to.

    Source: https://docs.stripe.com/payments/paymentintents/lifecycle
    """
    status, error = intent["status"], intent["last_payment_error"]
    secret = intent["client_secret"] or ""
    if status == "succeeded":
        return PaymentOutcome(AttemptState.SUCCEEDED, external_id=intent["id"])
    if status == "requires_action":
        return PaymentOutcome(
            AttemptState.REQUIRES_ACTION, external_id=intent["id"], client_secret=secret
        )
    if status in ("requires_payment_method", "canceled") and error:
        return PaymentOutcome(
            AttemptState.FAILED,
            external_id=intent["id"],
            client_secret="" if status == "canceled" else secret,
            error_code=error.get("code") or "",
            decline_code=error.get("decline_code") or "",
        )
    if status in ("requires_payment_method", "requires_confirmation"):
        return PaymentOutcome(None, external_id=intent["id"], client_secret=secret)
    return PaymentOutcome(None, external_id=intent["id"])  # processing, or given up untried


def intent_of_invoice(invoice: Json) -> str:
    """Return the id of the intent that paid an invoice, or that is meant to.

    Source: https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices
    """
    payments: list[Json] = (invoice.get("payments") or {}).get("data", [])
    by_intent = [row for row in payments if row["payment"]["type"] == "payment_intent"]
    for row in by_intent:
        if row["status"] == "paid":
            return id_of(row["payment"]["payment_intent"])
    for row in by_intent:
        if row["is_default"]:
            return id_of(row["payment"]["payment_intent"])
    return ""
