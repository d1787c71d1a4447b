"""Asking a provider what a subscription is like now, because somebody wants to know."""

from datetime import datetime

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.errors import NotPossibleNow
from billing.models import Subscription
from billing.services import projection, refusals
from billing.types import Cause


def refresh_subscription(
    *, subscription: Subscription, cause: Cause, now: datetime
) -> Subscription:
    """Take over the provider's truth about one subscription.

    Raises:
        NotPossibleNow: the provider has never heard of it.
        ProviderRefused, ProviderBusy, ProviderFailed: it could not be asked.
    """
    if not subscription.external_id:
        raise NotPossibleNow("The provider does not know this subscription.")
    fetched_at = projection.database_now()
    driver = registry.get_driver(subscription.provider)
    try:
        snapshot = driver.retrieve_subscription(subscription.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    done = projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    return done.subscription
