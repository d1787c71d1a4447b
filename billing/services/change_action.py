"""What a payer does while a change waits for the bank: answering it, and coming back from it."""

import logging
from datetime import datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import AttemptState
from billing.models import PaymentAttempt, Subscription
from billing.selectors import payments, subscriptions
from billing.services import given_up_changes, projection, refusals, resolve, settlement
from billing.types import Cause, PaymentOutcome
from orgs.models import Organization

logger = logging.getLogger(__name__)


def client_secret(*, organization: Organization) -> str:
    """Ask the provider for what the payer's browser needs to finish; empty if nothing is left.

    Never stored: it goes to the authorized page and nowhere else.

    Raises:
        ProviderRefused, ProviderBusy, ProviderFailed: the provider could not be asked.
    """
    row = subscriptions.live(organization)
    attempt = payments.open_change(row) if row is not None else None
    if row is None or attempt is None or attempt.state != AttemptState.REQUIRES_ACTION:
        return ""
    try:
        return registry.get_driver(row.provider).client_secret(row.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def look_again(*, organization: Organization, cause: Cause, now: datetime) -> None:
    """Bring our rows up to date for a payer who is back from the bank, ahead of the webhook.

    What the bank refused is given up, so that the payer may try again at once. A provider that
    does not answer is no failure: its webhook tells us anyway.
    """
    row = subscriptions.live(organization)
    attempt = payments.open_change(row) if row is not None else None
    if row is None or attempt is None:
        return
    if attempt.state in (AttemptState.SENT, AttemptState.UNKNOWN):
        resolve.resolve_attempt(attempt_id=attempt.pk, now=now, cause=cause, force=True)
        return
    try:
        _follow(attempt, row, cause, now)
    except DriverError as error:
        logger.warning(
            "change.not_looked_at", extra={"attempt": str(attempt.pk), "code": error.code}
        )


def _follow(
    attempt: PaymentAttempt, subscription: Subscription, cause: Cause, now: datetime
) -> None:
    fetched_at = projection.database_now()
    snapshot = registry.get_driver(subscription.provider).retrieve_subscription(
        subscription.external_id
    )
    projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    payment = snapshot.latest_payment
    is_refused = payment is not None and payment.state is AttemptState.FAILED
    if payment is None or not snapshot.awaits_payment_of_change or not is_refused:
        return
    _refuse(attempt, payment, now)
    given_up_changes.drop(attempt=attempt, cause=cause, now=now)


def _refuse(attempt: PaymentAttempt, payment: PaymentOutcome, now: datetime) -> None:
    """Keep why it was refused: once the change is dropped, nothing else tells."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        settlement.end_attempt(
            attempt=attempt,
            state=AttemptState.FAILED,
            now=now,
            error_code="CARD_DECLINED",
            decline_code=payment.decline_code or payment.error_code,
            external_id=payment.external_id,
        )
