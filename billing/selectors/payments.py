"""Reads of debts and of the tries at settling them."""

import uuid
from datetime import datetime

from billing.enums import AttemptKind, AttemptState, ObligationKind, ObligationState
from billing.models import DeclinedCard, PaymentAttempt, Subscription
from orgs.models import Organization

DECLINED = "CARD_DECLINED"


def latest_attempt(subscription: Subscription) -> PaymentAttempt:
    """Return the last try at a subscription's first invoice.

    Raises:
        PaymentAttempt.DoesNotExist: the subscription never had anything to pay.
    """
    return (
        PaymentAttempt.objects.filter(
            organization_id=subscription.organization_id,
            obligation__subscription=subscription,
            obligation__kind=ObligationKind.SUBSCRIPTION_START,
        )
        .select_related("obligation__subscription__customer", "obligation__subscription__price")
        .order_by("-number")[:1]
        .get()
    )


def declines_since(organization: Organization, moment: datetime) -> int:
    """Count the cards that were declined for an organization, paying or kept, since a moment."""
    declined = PaymentAttempt.objects.for_org(organization).filter(
        state=AttemptState.FAILED,
        kind=AttemptKind.CARD,
        error_code=DECLINED,
        resolved_at__gt=moment,
    )
    kept = DeclinedCard.objects.for_org(organization).filter(declined_at__gt=moment)
    return declined.count() + kept.count()


def due_for_resolution(*, now: datetime, limit: int) -> list[uuid.UUID]:
    """Return the attempts whose provider should be asked now, longest waiting first."""
    return list(
        PaymentAttempt.objects.filter(
            state__in=[AttemptState.SENT, AttemptState.UNKNOWN], resolve_after__lte=now
        )
        .order_by("resolve_after")
        .values_list("pk", flat=True)[:limit]
    )


def open_change(subscription: Subscription) -> PaymentAttempt | None:
    """Return the latest try at a change that is on its way or waits for its payment."""
    return _latest_open(subscription, ObligationKind.CHANGE)


def open_renewal(subscription: Subscription) -> PaymentAttempt | None:
    """Return the latest try of ours at an overdue invoice."""
    return _latest_open(subscription, ObligationKind.RENEWAL)


def _latest_open(subscription: Subscription, kind: ObligationKind) -> PaymentAttempt | None:
    return (
        PaymentAttempt.objects.filter(
            organization_id=subscription.organization_id,
            obligation__subscription=subscription,
            obligation__kind=kind,
            obligation__state=ObligationState.OPEN,
        )
        .select_related("obligation__subscription__customer", "obligation__quote")
        .order_by("-created_at")
        .first()
    )
