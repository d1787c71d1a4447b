"""Starting a reader: in the request where it answers at once, else in a worker that can wait."""

import logging
from datetime import datetime
from uuid import UUID

from billing import errors
from billing.drivers import registry
from billing.drivers.base import (
    DriverError,
    OutcomeUnknown,
    PaymentDriver,
    ReaderBusy,
    ReaderOffline,
)
from billing.enums import AttemptKind, AttemptState
from billing.models import PaymentAttempt
from billing.services import projection, refusals, resolve, settlement, unanswered
from billing.types import Cause, SaleOrder
from orgs import clock
from orgs.errors import DomainError
from terminals.services import concluding, rows

# The terminal service answers after 119 s without a card, and after the gateway's own time with
# one: its clients wait 165 s. What was sent last may take effect up to 40 s later.
BLOCKING_RESOLVE_AFTER_S = 165 + 40
RESOLVE_AFTER_S = resolve.ABSENT_AFTER_S
# A reader that is occupied or switched off may be there in a moment: the same request tries again.
TRY_AGAIN_S = 5

logger = logging.getLogger(__name__)


def run(*, attempt_id: UUID | str, cause: Cause, now: datetime) -> DomainError | None:
    """Have a reader take the payment of a try that waits for it; once, whoever asks.

    Returns why nothing was started, provably; None for anything else: the payment says the rest.
    """
    attempt = _waiting(attempt_id)
    if attempt is None:
        return None
    driver = registry.get_driver(attempt.provider)
    is_blocking = driver.capabilities.blocking_readers
    try:
        order = _prepare(driver, attempt)
    except DriverError as error:
        return _not_started(attempt, error, cause, now)
    seconds = BLOCKING_RESOLVE_AFTER_S if is_blocking else RESOLVE_AFTER_S
    if not settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=seconds):
        return None
    return _send(driver, attempt, order, cause, now)


def _prepare(driver: PaymentDriver, attempt: PaymentAttempt) -> SaleOrder:
    """Return the order of a try, with the provider's payment made where it wants one beforehand.

    No reader is asked and no money moves by it: whatever fails can be done again.

    Raises:
        DriverError: there is none now.
    """
    payment = rows.of_attempt(attempt)
    order = rows.order_of(payment, attempt)
    if order.external_id or driver.capabilities.blocking_readers:
        return order
    opened = driver.open_sale(order, idempotency_key=f"{attempt.idempotency_key}:open")
    return rows.name(payment, attempt, opened.external_id)


def _send(
    driver: PaymentDriver,
    attempt: PaymentAttempt,
    order: SaleOrder,
    cause: Cause,
    now: datetime,
) -> DomainError | None:
    """Call the provider, with the try committed as sent and no transaction open."""
    try:
        with unanswered.in_time(attempt):
            snapshot = driver.run_sale(order, idempotency_key=attempt.idempotency_key)
    except OutcomeUnknown:
        concluding.lose(attempt=attempt, cause=cause, now=_later(attempt, now))
        return None
    except DriverError as error:
        return _not_started(attempt, error, cause, now)
    concluding.conclude(
        attempt=attempt,
        snapshot=snapshot,
        # It says what this call has done: whatever was asked before its end knows less.
        fetched_at=projection.database_now(),
        cause=cause,
        now=_later(attempt, now),
    )
    return None


def _waiting(attempt_id: UUID | str) -> PaymentAttempt | None:
    tries = PaymentAttempt.objects.select_related("obligation", "organization")
    waiting = tries.filter(kind=AttemptKind.TERMINAL, state=AttemptState.CREATED)
    return waiting.filter(pk=attempt_id).first()


def _later(attempt: PaymentAttempt, now: datetime) -> datetime:
    """Return the time after a call that may have lasted for minutes."""
    return max(now, clock.now(attempt.organization))


def _not_started(
    attempt: PaymentAttempt, error: DriverError, cause: Cause, now: datetime
) -> DomainError:
    concluding.give_up(attempt=attempt, cause=cause, now=now, error=error)
    logger.info("terminals.not_started", extra={"attempt": str(attempt.pk), "code": error.code})
    if isinstance(error, ReaderBusy):
        return errors.TerminalBusy(
            "This reader is occupied by something else.", retry_after=TRY_AGAIN_S
        )
    if isinstance(error, ReaderOffline):
        return errors.TerminalOffline(retry_after=TRY_AGAIN_S)
    return refusals.of_code(error.code, retry_after=error.retry_after)
