"""Whose renewal is near, and who has not been told of it."""

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from billing.enums import SubscriptionStatus
from billing.models import PaymentMethod, Subscription

# The specification's three days before the end of the period.
NOTICE = timedelta(days=3)


def to_remind(*, now: datetime, limit: int) -> list[Subscription]:
    """Return what renews within three days and was not announced yet, the nearest first.

    A trial is announced by a mail of its own, an overdue payment by those about it; nothing is said
    about what ends with its period, or was only begun within those three days.
    """
    rows = renewing(now).filter(~Q(reminded_for=F("current_period_end")))
    rows = rows.select_related("organization", "customer", "price", "plan_version__plan")
    return list(rows.order_by("current_period_end", "pk")[:limit])


def renewing(now: datetime) -> QuerySet[Subscription]:
    """Return what renews within three days, told of it or not."""
    return Subscription.objects.filter(
        Q(cancel_at=None) | Q(cancel_at__gt=F("current_period_end")),
        status=SubscriptionStatus.ACTIVE,
        is_free=False,
        cancel_at_period_end=False,
        current_period_end__gt=now,
        current_period_end__lte=now + NOTICE,
        current_period_start__lte=F("current_period_end") - NOTICE,
    ).exclude(external_id="")


def charged_to(subscription: Subscription) -> PaymentMethod | None:
    """Return what a subscription's next invoice is charged to: its own method, else the payer's."""
    rows = PaymentMethod.objects.filter(customer_id=subscription.customer_id).attached()
    named = subscription.payment_method_external_id
    own = rows.filter(external_id=named).first() if named else None
    return own or rows.filter(is_default=True).first()
