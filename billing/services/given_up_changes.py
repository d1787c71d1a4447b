"""Changes that did not happen: refused, declined, withdrawn or never answered."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import AttemptState, ObligationState
from billing.models import Obligation, PaymentAttempt, Subscription
from billing.services import change_outcome, coupons, projection, refusals, settlement
from billing.types import Cause
from orgs.errors import DomainError
from orgs.models import Organization

logger = logging.getLogger(__name__)


def give_back(*, attempt: PaymentAttempt, error: DriverError, now: datetime) -> DomainError:
    """End a try that changed nothing; return what the caller is told.

    The quote may be used again while it lasts. Only after `DriverRejected` and
    `DriverUnavailable`.
    """
    is_final = isinstance(error, DriverRejected)
    end(
        attempt=attempt,
        state=AttemptState.FAILED if is_final else AttemptState.NOT_PROCESSED,
        now=now,
        error_code=error.code,
        decline_code=error.decline_code,
    )
    return coupons.refused_by_provider(error) or refusals.of_code(
        error.code, retry_after=error.retry_after
    )


def end(
    *,
    attempt: PaymentAttempt,
    state: AttemptState,
    now: datetime,
    error_code: str = "",
    decline_code: str = "",
) -> None:
    """End a try at a change, write off its debt, and give quote and coupon back."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        settlement.end_attempt(
            attempt=attempt,
            state=state,
            now=now,
            error_code=error_code,
            decline_code=decline_code,
        )
        _write_off(attempt.obligation_id, now)


def _write_off(obligation_id: UUID, now: datetime) -> None:
    debt = (
        Obligation.objects.select_for_update(of=("self",))
        .select_related("quote")
        .get(pk=obligation_id)
    )
    if debt.state == ObligationState.SETTLED:
        return
    if debt.state == ObligationState.OPEN:
        debt.state = ObligationState.VOID
        debt.save(update_fields=["state", "updated_at"])
    change_outcome.release_promises(debt, now=now)


def drop(
    *, attempt: PaymentAttempt, cause: Cause, now: datetime, decline_code: str = ""
) -> Subscription:
    """Close a change whose payment was declined, or that is withdrawn before it was paid.

    One that was paid meanwhile has happened: the attempt has then succeeded. `decline_code` is
    why it was declined, which nothing tells any more afterwards.

    Raises:
        DriverError: the provider could not be told. The change stays open; it expires by itself.
    """
    subscription = attempt.obligation.subscription
    if subscription is None:
        raise TypeError("A change belongs to a subscription.")
    driver = registry.get_driver(attempt.provider)
    fetched_at = projection.database_now()
    snapshot = driver.drop_unpaid_change(
        subscription.external_id, idempotency_key=f"{attempt.idempotency_key}:drop"
    )
    done = projection.converge_or_refetch(
        snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    attempt.refresh_from_db()
    if attempt.state == AttemptState.CANCELED:  # so the snapshot said
        end(attempt=attempt, state=AttemptState.CANCELED, now=now)
    elif attempt.state != AttemptState.SUCCEEDED:
        end(
            attempt=attempt,
            state=AttemptState.FAILED,
            now=now,
            error_code="CARD_DECLINED",
            decline_code=decline_code,
        )
    logger.info("change.dropped", extra={"attempt": str(attempt.pk)})
    return done.subscription
