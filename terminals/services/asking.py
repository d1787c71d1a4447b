"""Unknown is a state: asking what became of a payment in person, by our reference."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from billing.drivers import registry
from billing.drivers.base import DriverError, OutcomeUnknown
from billing.enums import AttemptKind
from billing.models import PaymentAttempt
from billing.services import projection, resolve
from billing.types import Cause, SaleSnapshot
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import concluding, rows, running

logger = logging.getLogger(__name__)


def ask(attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    """Ask the provider about one try, and take over what it says; say whether it is decided.

    For `resolve`, which has claimed the question.

    Raises:
        DriverError: the provider did not answer.
    """
    payment = rows.of_attempt(attempt)
    driver = registry.get_driver(attempt.provider)
    fetched_at = projection.database_now()
    order = rows.order_of(payment, attempt)
    try:
        snapshot = driver.find_sale(order, sent_at=attempt.sent_at, now=now)
    except OutcomeUnknown:
        _not_yet(payment, attempt, cause, now)
        return False
    except DriverError:
        _not_yet(payment, attempt, cause, now)
        raise
    if snapshot is None or _was_not_captured(attempt, snapshot, now):
        concluding.give_up(attempt=attempt, cause=cause, now=now)
        return True
    concluding.conclude(
        attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    attempt.refresh_from_db()
    return attempt.state not in rows.UNDECIDED


def end_unsent(attempt: PaymentAttempt, now: datetime) -> None:
    """Let go of a try that was never sent: for `resolve`. Its reader is free again."""
    concluding.give_up(attempt=attempt, cause=Cause("sweep"), now=now)


def ask_now(
    *, organization: Organization, payment_id: UUID, cause: Cause, now: datetime
) -> TerminalPayment:
    """Ask about a payment at once, because somebody waits; return it as it is then.

    Raises:
        NotFound: no such payment of this organization.
    """
    payment = payments.get_payment(organization, payment_id)
    attempt = rows.attempt_about(payment, payment.external_id)
    is_open = attempt is not None and attempt.state in rows.UNDECIDED
    if attempt is not None and is_open and not _is_waited_for(payment, attempt, now):
        resolve.resolve_attempt(attempt_id=attempt.pk, now=now, cause=cause, force=True)
    return payments.get_payment(organization, payment_id)


def look(*, payment: TerminalPayment, cause: Cause, now: datetime) -> None:
    """Take over how a payment is at its provider now, if that answers."""
    attempt = rows.attempt_about(payment, payment.external_id)
    if attempt is None:
        return
    fetched_at = projection.database_now()
    driver = registry.get_driver(payment.provider)
    order = rows.order_of(payment, attempt)
    try:
        snapshot = driver.find_sale(order, sent_at=attempt.sent_at, now=now)
    except DriverError as error:
        logger.info("terminals.not_answered", extra={"id": str(payment.pk), "code": error.code})
        return
    if snapshot is not None:
        concluding.conclude(
            attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
        )


def _was_not_captured(attempt: PaymentAttempt, snapshot: SaleSnapshot, now: datetime) -> bool:
    """Say whether a capture that nobody heard of can no longer be on its way."""
    if attempt.kind != AttemptKind.CAPTURE or snapshot.state != "requires_capture":
        return False
    sent_at = attempt.sent_at or attempt.created_at
    return now - sent_at >= timedelta(seconds=resolve.ABSENT_AFTER_S)


def _not_yet(
    payment: TerminalPayment, attempt: PaymentAttempt, cause: Cause, now: datetime
) -> None:
    """Show that nobody knows, unless whoever waits for the reader may still be told."""
    if _is_waited_for(payment, attempt, now):
        return
    concluding.mark_unknown(payment_id=payment.pk, cause=cause, now=now)


def _is_waited_for(payment: TerminalPayment, attempt: PaymentAttempt, now: datetime) -> bool:
    """Say whether a worker may be at it: one that had no answer has marked it as unknown."""
    if attempt.kind == AttemptKind.CAPTURE or payment.status != PaymentStatus.IN_PROGRESS:
        return False
    if not registry.get_driver(payment.provider).capabilities.blocking_readers:
        return False
    sent_at = attempt.sent_at or attempt.created_at
    return now - sent_at < timedelta(seconds=running.BLOCKING_RESOLVE_AFTER_S)
