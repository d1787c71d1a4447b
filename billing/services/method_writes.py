"""Writes about a payer's methods, each followed by a look at what is true there then.

No money moves, so a write whose outcome is unknown is decided by that look. Where the look fails,
too, nothing is promised: a 502, after which the same request ends in the same state.
"""

import logging
import uuid
from datetime import datetime

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, OutcomeUnknown
from billing.errors import ProviderFailed, ProviderRefused
from billing.models import Customer, PaymentMethod, Subscription
from billing.selectors import payment_methods
from billing.services import payers, projection, refusals
from billing.types import Cause
from orgs.errors import DomainError

_UNUSABLE = "This payment method can't be used. Please enter it again."

logger = logging.getLogger(__name__)


def set_default(*, customer: Customer, external_id: str, cause: Cause, now: datetime) -> None:
    """Have the provider charge a method, for the payer and its subscription; look at both.

    Raises:
        ProviderRefused: the payer does not have this method.
        ProviderBusy, ProviderFailed: not done, or nobody knows.
    """
    live = live_subscription(customer)
    try:
        _send_default(customer, external_id, live)
    except OutcomeUnknown as error:
        logger.warning("payment_method.outcome_unknown", extra={"customer": str(customer.pk)})
        look(customer=customer, subscription=live, cause=cause, now=now)
        is_payers = customer.default_method_external_id == external_id
        if not (is_payers and known(customer, external_id).is_default):
            raise ProviderFailed from error
    except DriverRejected as error:
        # It may have ended there: then only the payer is left to be told.
        look(customer=customer, subscription=live, cause=cause, now=now)
        if live is None or live_subscription(customer) is not None:
            raise refusal(error) from error
        set_default(customer=customer, external_id=external_id, cause=cause, now=now)
    except DriverError as error:
        raise refusal(error) from error
    else:
        look(customer=customer, subscription=live, cause=cause, now=now)


def _send_default(customer: Customer, external_id: str, live: Subscription | None) -> None:
    registry.get_driver(customer.provider).set_default_payment_method(
        external_customer_id=customer.external_id,
        payment_method=external_id,
        external_subscription_id=live.external_id if live else "",
        idempotency_key=new_key(),
    )


def detach(*, method: PaymentMethod, cause: Cause, now: datetime) -> None:
    """Have the provider forget a method, and look.

    Raises:
        ProviderRefused, ProviderBusy, ProviderFailed: it is still there, or nobody knows.
    """
    driver = registry.get_driver(method.provider)
    unknown: OutcomeUnknown | None = None
    try:
        driver.detach_payment_method(method.external_id, idempotency_key=new_key())
    except OutcomeUnknown as error:
        unknown = error
    except DriverError as error:
        raise refusal(error) from error
    look(customer=method.customer, cause=cause, now=now)
    method.refresh_from_db()
    if unknown is not None and method.detached_at is None:
        raise ProviderFailed from unknown


def look(
    *,
    customer: Customer,
    subscription: Subscription | None = None,
    cause: Cause,
    now: datetime,
) -> None:
    """Bring our rows in line with what the provider has now.

    Raises:
        ProviderBusy, ProviderFailed: it does not answer.
    """
    try:
        if subscription is not None:
            fetched_at = projection.database_now()
            driver = registry.get_driver(subscription.provider)
            snapshot = driver.retrieve_subscription(subscription.external_id)
            projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
        payers.look_again(customer=customer, cause=cause, now=now)
    except DriverError as error:
        raise refusal(error) from error


def known(customer: Customer, external_id: str) -> PaymentMethod:
    """Return the row of a method that the payer must have by now.

    Raises:
        ProviderFailed: it was taken off again this instant.
    """
    method = payment_methods.of_customer(customer, external_id)
    if method is None:
        raise ProviderFailed
    return method


def live_subscription(customer: Customer) -> Subscription | None:
    """Return the subscription that a payer is charged for."""
    return Subscription.objects.live().filter(customer=customer).first()


def refusal(error: DriverError) -> DomainError:
    """Return what a caller is told about a write that named a method."""
    known_refusal = refusals.of_code(error.code, retry_after=error.retry_after)
    if isinstance(known_refusal, ProviderRefused):
        return ProviderRefused(fields={"payment_method": [_UNUSABLE]})
    return known_refusal


def new_key() -> str:
    """Return a key of its own for each call: a repeated one would only replay a failure."""
    return f"method:{uuid.uuid4()}"
