"""Ending, pausing and resuming a subscription. Nothing is charged and nothing credited here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, OutcomeUnknown, PaymentDriver
from billing.enums import AttemptState, Effective, SubscriptionStatus
from billing.errors import NotPossibleNow, ProviderFailed
from billing.models import Subscription
from billing.selectors import payments, subscriptions
from billing.services import (
    abandon,
    free_plan,
    given_up_changes,
    projection,
    refusals,
    resolve,
)
from billing.types import Cause, SubscriptionSnapshot
from orgs.errors import InvalidRequest, NotFound
from orgs.models import Organization

LONGEST_PAUSE = timedelta(days=366)

Call = Callable[[PaymentDriver, str], SubscriptionSnapshot]
Check = Callable[[Subscription], bool]


def cancel_subscription(
    *,
    organization: Organization,
    mode: Effective,
    reason: str = "",
    comment: str = "",
    cause: Cause,
    now: datetime,
) -> Subscription:
    """End the subscription now or with its period; a start that waits for its payer is given up.

    A change that is pending is withdrawn first: it would come after the end.

    Raises:
        NotFound: there is none.
        PaymentPending: a payment is undecided.
        ProviderBusy, ProviderFailed: the provider could not be told; nothing ended.
    """
    row = _current(organization)
    if row.is_free:
        return free_plan.end_free_plan(subscription=row, cause=cause, now=now)
    if row.status == SubscriptionStatus.INCOMPLETE:
        return _give_up(row, cause, now)
    if not row.auto_renew and mode is Effective.PERIOD_END:
        return row  # it ends already
    withdraw_change(organization=organization, cause=cause, now=now, missing_ok=True)
    with transaction.atomic():
        Subscription.objects.for_org(organization).filter(pk=row.pk).update(
            cancel_reason=reason[:100], cancel_comment=comment, updated_at=now
        )
    if mode is Effective.NOW:
        return _write(
            row,
            lambda driver, key: driver.cancel_subscription(
                row.external_id, reason=reason, comment=comment, idempotency_key=key
            ),
            lambda done: done.is_final,
            cause,
            now,
        )
    return _write(
        row,
        lambda driver, key: driver.end_at_period_end(
            row.external_id, reason=reason, comment=comment, idempotency_key=key
        ),
        lambda done: not done.auto_renew,
        cause,
        now,
    )


def resume_subscription(*, organization: Organization, cause: Cause, now: datetime) -> Subscription:
    """Take back that the subscription ends, or end its pause.

    Raises:
        NotFound: nothing is live.
        NotPossibleNow: it neither ends nor is paused.
        ProviderBusy, ProviderFailed: the provider could not be told.
    """
    row = _live(organization)
    if not row.auto_renew:
        row = _write(
            row,
            lambda driver, key: driver.keep_subscription(row.external_id, idempotency_key=key),
            lambda done: done.auto_renew,
            cause,
            now,
        )
        Subscription.objects.for_org(organization).filter(pk=row.pk).update(
            cancel_reason="", cancel_comment="", updated_at=now
        )
        return row
    if row.status == SubscriptionStatus.PAUSED:
        return _write(
            row,
            lambda driver, key: driver.resume_subscription(row.external_id, idempotency_key=key),
            lambda done: done.status != SubscriptionStatus.PAUSED,
            cause,
            now,
        )
    raise NotPossibleNow("There is nothing to resume: it neither ends nor is paused.")


def pause_subscription(
    *,
    organization: Organization,
    resumes_at: datetime | None = None,
    cause: Cause,
    now: datetime,
) -> Subscription:
    """Charge nothing until `resumes_at`, or until somebody resumes it; access is restricted.

    Raises:
        NotFound: nothing is live.
        InvalidRequest: `resumes_at` is past, or too far away.
        NotPossibleNow: it is in its trial, owes something, ends, or a change is pending.
        ProviderBusy, ProviderFailed: the provider could not be told.
    """
    row = _live(organization)
    if resumes_at is not None and not now < resumes_at <= now + LONGEST_PAUSE:
        raise InvalidRequest(fields={"resumes_at": ["Choose a time within the coming year."]})
    if row.status == SubscriptionStatus.PAUSED:
        raise NotPossibleNow("The subscription is paused already.")
    if row.status != SubscriptionStatus.ACTIVE or not row.auto_renew or row.pending_change:
        raise NotPossibleNow("Only an active subscription that goes on unchanged can be paused.")
    return _write(
        row,
        lambda driver, key: driver.pause_subscription(
            row.external_id, resumes_at=resumes_at, idempotency_key=key
        ),
        lambda done: done.status == SubscriptionStatus.PAUSED,
        cause,
        now,
    )


def withdraw_change(
    *, organization: Organization, cause: Cause, now: datetime, missing_ok: bool = False
) -> Subscription:
    """Withdraw a change that waits for the end of the period, or for its payment.

    One that was paid meanwhile has happened.

    Raises:
        NotFound: nothing is live.
        NotPossibleNow: nothing is pending (unless `missing_ok`).
        PaymentPending: it is undecided whether it was paid.
        ProviderBusy, ProviderFailed: the provider could not be told.
    """
    row = _live(organization)
    attempt = payments.open_change(row)
    if attempt is not None:
        if attempt.state in (AttemptState.SENT, AttemptState.UNKNOWN):
            resolve.resolve_attempt(attempt_id=attempt.pk, now=now, cause=cause, force=True)
            attempt.refresh_from_db()
        if attempt.state in (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN):
            raise abandon.pending(attempt, now=now)
        if attempt.state in (AttemptState.REQUIRES_ACTION, AttemptState.FAILED):
            try:
                return given_up_changes.drop(attempt=attempt, cause=cause, now=now)
            except DriverError as error:
                raise refusals.of_code(error.code, retry_after=error.retry_after) from error
        row.refresh_from_db()
    pending = row.pending_change or {}
    if pending.get("kind") == "scheduled":
        return _write(
            row,
            lambda driver, key: driver.unschedule_change(row.external_id, idempotency_key=key),
            lambda done: done.pending_change is None,
            cause,
            now,
        )
    if missing_ok:
        return row
    raise NotPossibleNow("No change is pending.")


def _current(organization: Organization) -> Subscription:
    row = subscriptions.current(organization)
    if row is None or row.is_final:
        raise NotFound
    return row


def _live(organization: Organization) -> Subscription:
    row = subscriptions.live(organization)
    if row is None:
        raise NotFound
    return row


def _give_up(row: Subscription, cause: Cause, now: datetime) -> Subscription:
    attempt = payments.latest_attempt(row)
    if attempt.state in (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN):
        raise abandon.pending(attempt, now=now)
    try:
        return abandon.give_up(subscription=row, cause=cause, now=now, is_strict=True)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def _write(
    row: Subscription, call: Call, is_done: Check, cause: Cause, now: datetime
) -> Subscription:
    """Tell the provider, and take over what it says.

    None of these moves money. An answer that got lost is asked for: `is_done` says whether the
    call took effect all the same; otherwise the caller may try again.

    Raises:
        ProviderRefused, ProviderBusy, ProviderFailed: as the provider answered.
    """
    driver = registry.get_driver(row.provider)
    fetched_at = projection.database_now()
    was_lost = False
    try:
        try:
            snapshot = call(driver, f"{row.pk}:{uuid4().hex}")
        except OutcomeUnknown:
            was_lost = True
            fetched_at = projection.database_now()
            snapshot = driver.retrieve_subscription(row.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    done = projection.converge_or_refetch(
        snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    if was_lost and not is_done(done.subscription):
        raise ProviderFailed
    return done.subscription
