"""One winner per debt: whatever could still be paid beside the winner is closed at its provider.

Starts refuse and give up each other before they begin (`abandon.clear_the_way`). This sweep is for
what was begun all the same: by a process that died, or while a provider could not be told.
"""

import logging
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import (
    FINAL_STATUSES,
    AttemptState,
    CheckoutMode,
    CheckoutStatus,
    SubscriptionStatus,
)
from billing.models import CheckoutSession, PaymentAttempt, Subscription
from billing.services import abandon, checkout_sync
from billing.types import Cause

_UNDECIDED = (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN)

logger = logging.getLogger(__name__)


def close_siblings(*, now: datetime, limit: int = 100) -> int:
    """Give up starts beside a running subscription, and close pages nobody needs; say how many.

    A start whose outcome is unknown is asked about first (`resolve`); if it was paid, that is a
    late winner, and a person's matter.
    """
    cause = Cause("sweep", detail="another payment settled it")
    closed = 0
    for row in _beside_a_winner()[:limit]:
        after = abandon.give_up(subscription=row, cause=cause, now=now)
        closed += after.status != SubscriptionStatus.INCOMPLETE
    for session in _pages_left_open()[:limit]:
        closed += _close_page(session, cause, now)
    if closed:
        logger.info("siblings.closed", extra={"count": closed})
    return closed


def _beside_a_winner() -> QuerySet[Subscription]:
    """Return unfinished starts of payers for whom something runs, with whatever provider."""
    payer = Coalesce("customer__reference", Value(""))
    winners = (
        Subscription.objects.live()
        .annotate(payer=payer)
        .filter(organization=OuterRef("organization"), payer=OuterRef("payer"))
    )
    undecided = PaymentAttempt.objects.filter(
        obligation__subscription=OuterRef("pk"), state__in=_UNDECIDED
    )
    return (
        Subscription.objects.filter(status=SubscriptionStatus.INCOMPLETE)
        .annotate(payer=payer)
        .filter(Exists(winners))
        .exclude(Exists(undecided))
        .select_related("customer", "organization")
        .order_by("created_at")
    )


def _pages_left_open() -> QuerySet[CheckoutSession]:
    """Return the provider's pages for starts that were given up: nobody may pay there any more."""
    return CheckoutSession.objects.filter(
        status=CheckoutStatus.OPEN,
        mode=CheckoutMode.HOSTED_PROVIDER,
        subscription__status__in=FINAL_STATUSES,
    ).exclude(external_id="")


def _close_page(session: CheckoutSession, cause: Cause, now: datetime) -> bool:
    driver = registry.get_driver(session.provider)
    try:
        try:
            seen = driver.expire_checkout_session(
                session.external_id, idempotency_key=f"{session.pk}:expire"
            )
        except DriverRejected:  # it was paid, or has expired by itself
            seen = driver.retrieve_checkout_session(session.external_id)
        checkout_sync.converge_checkout(
            provider=session.provider, snapshot=seen, cause=cause, now=now
        )
    except DriverError as error:
        logger.warning(
            "siblings.page_not_closed", extra={"checkout": str(session.pk), "code": error.code}
        )
        return False
    return True
