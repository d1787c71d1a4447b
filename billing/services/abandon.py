"""Giving up an unfinished start, so that it can't be paid behind the next one's back."""

import logging
from datetime import datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import (
    AttemptState,
    CheckoutMode,
    CheckoutStatus,
    ObligationKind,
    SubscriptionStatus,
)
from billing.errors import PaymentPending
from billing.models import CheckoutSession, PaymentAttempt, Subscription
from billing.selectors import payments, subscriptions
from billing.services import projection, refusals, settlement, standing, timeline, wording
from billing.types import Cause
from orgs.models import Organization

# While a try is in one of these nobody knows whether it will take the money.
_UNDECIDED = (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN)
_DEFAULT_RETRY_AFTER_S = 30

logger = logging.getLogger(__name__)


def pending(attempt: PaymentAttempt, *, now: datetime | None = None) -> PaymentPending:
    """Return the refusal for a start while an earlier one is undecided."""
    seconds = _DEFAULT_RETRY_AFTER_S
    if attempt.resolve_after and now:
        seconds = max(1, int((attempt.resolve_after - now).total_seconds()) + 1)
    return PaymentPending(retry_after=seconds)


def clear_the_way(*, organization: Organization, cause: Cause, now: datetime) -> None:
    """Give up what was started earlier and waits for its payer.

    Raises:
        PaymentPending: an earlier try is undecided.
        ProviderFailed: the provider could not be told, so the earlier start may still be paid.
    """
    for row in subscriptions.incomplete(organization):
        attempt = payments.latest_attempt(row)
        if attempt.state in _UNDECIDED:
            raise pending(attempt, now=now)
        try:
            give_up(subscription=row, cause=cause, now=now, is_strict=True)
        except DriverError as error:
            raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def refuse_while_pending(*, organization: Organization) -> None:
    """Refuse a second start beside one that another request began since we looked.

    The caller has locked the organization.

    Raises:
        PaymentPending: there is one.
    """
    for row in subscriptions.incomplete(organization):
        raise pending(payments.latest_attempt(row))


def give_up(
    *, subscription: Subscription, cause: Cause, now: datetime, is_strict: bool = False
) -> Subscription:
    """Close a start at the provider and here; one that was paid meanwhile becomes live instead.

    Raises:
        DriverError: the provider could not be told (only with `is_strict`; otherwise the row stays
            incomplete, and the next start or the provider's own expiry closes it).
    """
    try:
        _close_provider_checkouts(subscription, cause, now)
        if subscription.external_id:
            _abandon_at_provider(subscription, cause, now)
    except DriverError as error:
        if is_strict:
            raise
        logger.warning(
            "subscription.not_abandoned",
            extra={"subscription": str(subscription.pk), "code": error.code},
        )
        return subscription
    subscription.refresh_from_db()
    if subscription.status == SubscriptionStatus.INCOMPLETE and not subscription.external_id:
        cancel_locally(subscription=subscription, cause=cause, now=now)
    return subscription


def _abandon_at_provider(subscription: Subscription, cause: Cause, now: datetime) -> None:
    driver = registry.get_driver(subscription.provider)
    key = f"{payments.latest_attempt(subscription).idempotency_key}:abandon"
    fetched_at = projection.database_now()
    try:
        snapshot = driver.abandon_subscription(subscription.external_id, idempotency_key=key)
    except DriverRejected:
        # It was paid, or had ended by itself: whatever it is now is the truth.
        fetched_at = projection.database_now()
        snapshot = driver.retrieve_subscription(subscription.external_id)
    # A webhook of before may have been fetched while we wrote: then only a further look sees it.
    projection.converge_or_refetch(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)


def _close_provider_checkouts(subscription: Subscription, cause: Cause, now: datetime) -> None:
    """Expire the provider's own pages for a start; a completed one brings its subscription."""
    open_ones = CheckoutSession.objects.filter(
        subscription=subscription,
        mode=CheckoutMode.HOSTED_PROVIDER,
        status=CheckoutStatus.OPEN,
    ).exclude(external_id="")
    driver = registry.get_driver(subscription.provider)
    for checkout in open_ones:
        try:
            seen = driver.expire_checkout_session(
                checkout.external_id, idempotency_key=f"{checkout.pk}:expire"
            )
        except DriverRejected:
            seen = driver.retrieve_checkout_session(checkout.external_id)
        if seen.status == "complete" and seen.external_subscription_id:
            fetched_at = projection.database_now()
            snapshot = driver.retrieve_subscription(seen.external_subscription_id)
            projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
        else:
            CheckoutSession.objects.filter(pk=checkout.pk, status=CheckoutStatus.OPEN).update(
                status=CheckoutStatus.EXPIRED, updated_at=now
            )
        subscription.refresh_from_db()


def cancel_locally(*, subscription: Subscription, cause: Cause, now: datetime) -> None:
    """End a start that never existed at the provider."""
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(
            pk=subscription.organization_id
        )
        row = (
            Subscription.objects.select_for_update(of=("self",))
            .select_related("plan_version__plan")
            .get(pk=subscription.pk)
        )
        is_untouched = row.status == SubscriptionStatus.INCOMPLETE and not row.external_id
        undecided = PaymentAttempt.objects.filter(
            obligation__subscription=row,
            obligation__kind=ObligationKind.SUBSCRIPTION_START,
            state__in=_UNDECIDED,
        )
        if not is_untouched or undecided.exists():
            return
        before = wording.state_of(row)
        row.status = SubscriptionStatus.CANCELED
        row.canceled_at = row.ended_at = now
        row.save(update_fields=["status", "canceled_at", "ended_at", "updated_at"])
        settlement.void_obligations(subscription=row, now=now)
        pending = timeline.Pending()
        for line in wording.lines(before, row, now=now):
            pending.record_event(organization=organization, line=line, cause=cause)
        standing.refresh_organization(organization, cause=cause, now=now, pending=pending)
    subscription.refresh_from_db()
