"""Ending a try that the provider did not take, and saying so to the caller."""

from datetime import datetime

from django.db import transaction

from billing import errors
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import AttemptState, SubscriptionStatus
from billing.models import PaymentAttempt, Subscription
from billing.services import settlement
from orgs.errors import DomainError
from orgs.models import Organization

_BY_CODE: dict[str, type[DomainError]] = {
    error.code: error
    for error in (
        errors.CardDeclined,
        errors.ProviderRefused,
        errors.ProviderBusy,
        errors.ProviderFailed,
    )
}


def of_code(code: str, *, retry_after: int | None = None) -> DomainError:
    """Return the refusal a caller gets for a driver's code."""
    return _BY_CODE.get(code, errors.ProviderFailed)(retry_after=retry_after)


def of_attempt(attempt: PaymentAttempt) -> DomainError:
    """Return the refusal that a failed attempt stands for."""
    return of_code(attempt.error_code if attempt.error_code in _BY_CODE else "CARD_DECLINED")


def end(*, attempt: PaymentAttempt, error: DriverError, now: datetime) -> DomainError:
    """End a try that was refused or provably not processed; return what the caller is told.

    Only for errors after which no money can have moved: before the charge was sent any of them,
    after it `DriverRejected` and `DriverUnavailable`.
    """
    is_final = isinstance(error, DriverRejected)
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        settlement.end_attempt(
            attempt=attempt,
            state=AttemptState.FAILED if is_final else AttemptState.NOT_PROCESSED,
            now=now,
            error_code=error.code,
            decline_code=error.decline_code,
        )
        if is_final:
            _cancel_row(attempt, now)
    return of_code(error.code, retry_after=error.retry_after)


def _cancel_row(attempt: PaymentAttempt, now: datetime) -> None:
    """Nothing exists at the provider: the row only remembers that it was tried."""
    subscription = (
        Subscription.objects.select_for_update(of=("self",))
        .filter(obligations=attempt.obligation_id)
        .first()
    )
    if subscription is None:
        return
    if subscription.status != SubscriptionStatus.INCOMPLETE or subscription.external_id:
        return
    subscription.status = SubscriptionStatus.CANCELED
    subscription.canceled_at = subscription.ended_at = now
    subscription.save(update_fields=["status", "canceled_at", "ended_at", "updated_at"])
    settlement.void_obligations(subscription=subscription, now=now)
