"""Taking over what a snapshot says of a subscription: which field becomes what."""

import logging
from datetime import datetime, timedelta
from typing import Any

from billing.enums import FINAL_STATUSES, SubscriptionStatus
from billing.models import Price, Subscription
from billing.services import locking
from billing.types import SubscriptionSnapshot

logger = logging.getLogger(__name__)


def copy_fields(
    subscription: Subscription,
    snapshot: SubscriptionSnapshot,
    status: SubscriptionStatus,
    *,
    now: datetime,
) -> None:
    """Take over everything but the price; `status` is what the subscription becomes."""
    subscription.status = status
    subscription.external_id = snapshot.external_id
    subscription.seats = snapshot.seats
    subscription.current_period_start = snapshot.current_period_start
    subscription.current_period_end = snapshot.current_period_end
    subscription.cancel_at_period_end = snapshot.cancel_at_period_end
    subscription.cancel_at = snapshot.cancel_at
    subscription.canceled_at = snapshot.canceled_at
    subscription.ended_at = snapshot.ended_at
    subscription.trial_end = snapshot.trial_end
    subscription.resumes_at = snapshot.resumes_at
    subscription.latest_invoice_external_id = snapshot.latest_invoice_id
    subscription.payment_method_external_id = snapshot.default_method_id
    _copy_discount(subscription, snapshot)
    _note_arrears(subscription, now)


def copy_price(row: locking.Locked, snapshot: SubscriptionSnapshot) -> None:
    """Take over price and plan, if the catalogue knows them."""
    if not snapshot.external_price_id:
        return
    subscription, link = row.subscription, row.link
    if link is None:
        # Somebody changed the plan at the provider to one the catalogue does not know.
        logger.error("subscription.unknown_price", extra={"subscription": str(subscription.pk)})
        return
    subscription.price = link.price
    subscription.plan_version = link.price.plan_version


def copy_pending(row: locking.Locked, snapshot: SubscriptionSnapshot) -> None:
    """Take over what the subscription waits for: the end of its period, or a payment.

    The row's price and plan have been taken over already.
    """
    row.subscription.pending_change = _scheduled(row, snapshot) or _unpaid(row, snapshot)


def _scheduled(row: locking.Locked, snapshot: SubscriptionSnapshot) -> dict[str, Any] | None:
    scheduled, link = snapshot.scheduled, row.next_link
    if scheduled is None or snapshot.status in FINAL_STATUSES:
        return None
    if link is None:
        logger.error("subscription.unknown_price", extra={"subscription": str(row.subscription.pk)})
        return None
    return _pending("scheduled", link.price, scheduled.seats, scheduled.effective_at)


def _unpaid(row: locking.Locked, snapshot: SubscriptionSnapshot) -> dict[str, Any] | None:
    if not snapshot.awaits_payment_of_change:
        return None
    quotes = [debt.obligation.quote for debt in row.others if debt.obligation.quote]
    if not quotes:
        return {"kind": "awaiting_payment"}
    return _pending("awaiting_payment", quotes[-1].price, quotes[-1].seats, None)


def _pending(kind: str, price: Price, seats: int, effective_at: datetime | None) -> dict[str, Any]:
    version = price.plan_version
    return {
        "kind": kind,
        "plan": {
            "slug": version.plan.code,
            "name": version.plan.name,
            "version": version.version,
        },
        "price_id": str(price.pk),
        "interval": price.interval,
        "currency": price.currency,
        "amount": price.amount_minor,
        "seats": seats,
        "effective_at": (effective_at.isoformat().replace("+00:00", "Z") if effective_at else None),
    }


def _copy_discount(subscription: Subscription, snapshot: SubscriptionSnapshot) -> None:
    """Take over the first discount; an unpaid start keeps the coupon it was asked for with."""
    if snapshot.discounts:
        subscription.discount = snapshot.discounts[0].as_json()
    elif subscription.status != SubscriptionStatus.INCOMPLETE:
        subscription.discount = None


def _note_arrears(subscription: Subscription, now: datetime) -> None:
    """Keep since when a payment is overdue: grace counts from there."""
    is_overdue = subscription.status == SubscriptionStatus.PAST_DUE
    subscription.past_due_since = (subscription.past_due_since or now) if is_overdue else None
    if not is_overdue:
        subscription.grace_extension = timedelta()
