"""What follows when a subscription starts to give access."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection

from billing.enums import SubscriptionStatus
from billing.models import Subscription
from billing.money import Money
from billing.services import discounts, timeline
from billing.types import Cause, DiscountSnapshot
from notifications import services as notifications

_MANAGE_PATH = "/settings/billing"
_CLOSE = """
UPDATE billing_checkoutsession SET status = 'complete', completed_at = %s, updated_at = %s
WHERE subscription_id = ANY(%s) AND status = 'open'
"""


def replace_free_plans(
    free: Sequence[Subscription],
    *,
    by: Subscription,
    cause: Cause,
    now: datetime,
    record: timeline.Recorder = timeline.record_event,
) -> None:
    """End the payer's free plans, which the caller has locked: a paid one takes their place."""
    for row in free:
        if row.status != SubscriptionStatus.ACTIVE:
            continue  # another subscription of this batch has replaced it
        row.status = SubscriptionStatus.CANCELED
        row.canceled_at = row.ended_at = now
        row.save(update_fields=["status", "canceled_at", "ended_at", "updated_at"])
        line = timeline.Line(
            type="billing.subscription.replaced",
            summary=f"{row.plan_version.plan.name} was replaced by {by.plan_version.plan.name}.",
            object_type="subscription",
            object_id=str(row.pk),
            occurred_at=now,
            provider=row.provider,
        )
        record(organization=by.organization, line=line, cause=cause)


def announce(
    *, subscription: Subscription, discount: DiscountSnapshot | None = None, now: datetime
) -> None:
    """Queue SubscriptionConfirmedEmail, once per activation, in the caller's transaction.

    `discount` is what the start was asked for with: one for the first invoice is gone by now.
    """
    lying = discounts.stored(subscription.discount) or discount
    organization = subscription.organization
    price = subscription.price
    total = Money(price.amount_minor * subscription.seats, price.currency)
    renews = subscription.current_period_end
    notifications.queue_message(
        organization=organization,
        kind="subscription_confirmed",
        key=str(subscription.pk),
        to=subscription.billing_email or organization.email,
        context={
            "organization": organization.name,
            "plan": subscription.plan_version.plan.name,
            "amount": total.display(),
            "interval": price.interval,
            "seats": subscription.seats,
            "is_free": subscription.is_free,
            "discount": discounts.in_words(lying) if lying else "",
            "trial_end": _day(subscription.trial_end),
            "next_charge": "" if subscription.is_free else _day(renews),
            "manage_url": f"{settings.PUBLIC_URL}{_MANAGE_PATH}",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )


def _day(moment: datetime | None) -> str:
    return f"{moment:%-d %B %Y}" if moment else ""


def close_checkouts(*, subscriptions: Iterable[Subscription], now: datetime) -> None:
    """Complete the checkouts that led here; those of a start given up stay open for a retry."""
    giving = [row.pk for row in subscriptions if row.is_live or row.is_free]
    if giving:
        with connection.cursor() as cursor:
            cursor.execute(_CLOSE, [now, now, giving])
