"""A page that takes cards is where stolen ones are tried out: it takes only so many."""

import logging
from datetime import datetime, timedelta

from billing.models import DeclinedCard
from billing.selectors import payments
from orgs.errors import RateLimited
from orgs.models import Organization

MOST_DECLINES = 10
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)
_TOO_MANY = "Too many cards were declined. Nothing was charged. Please try again in an hour."

logger = logging.getLogger(__name__)


def refuse_guessing(*, organization: Organization, now: datetime) -> None:
    """Refuse another card where too many were declined within the hour; nobody is asked.

    Raises:
        RateLimited: they were.
    """
    if payments.declines_since(organization, now - WINDOW) < MOST_DECLINES:
        return
    logger.warning("checkout.too_many_declines", extra={"org": str(organization.pk)})
    raise RateLimited(_TOO_MANY, retry_after=int(WINDOW.total_seconds()))


def note_decline(*, organization: Organization, provider: str, now: datetime) -> None:
    """Count a card that was declined when it was to be kept; those that pay have their tries."""
    DeclinedCard.objects.create(organization=organization, provider=provider, declined_at=now)
    old = DeclinedCard.objects.for_org(organization).filter(declined_at__lt=now - KEPT_FOR)
    old.delete()
