"""Taking over what a snapshot says of a subscription: which field becomes what."""

import logging
from datetime import datetime

from billing.enums import SubscriptionStatus
from billing.models import Subscription
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
    subscription.latest_invoice_external_id = snapshot.latest_invoice_id
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


def _note_arrears(subscription: Subscription, now: datetime) -> None:
    """Keep since when a payment is overdue: grace counts from there."""
    is_overdue = subscription.status == SubscriptionStatus.PAST_DUE
    subscription.past_due_since = (subscription.past_due_since or now) if is_overdue else None
