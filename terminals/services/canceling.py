"""Canceling a payment in person: the wish is kept first, the truth decides how it ends."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import AttemptKind, AttemptState
from billing.errors import PaymentNotPossible
from billing.models import PaymentAttempt
from billing.services import abandon, settlement
from billing.types import Cause
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import concluding, ending, rows

logger = logging.getLogger(__name__)


def cancel(
    *, organization: Organization, payment_id: UUID, cause: Cause, now: datetime
) -> TerminalPayment:
    """Give up a payment: nothing of it is kept, whenever the card was read.

    Before the card is read the reader is stopped, after that the authorization is voided. Returns
    the payment: `canceled`, or what it still is while nobody knows how it ends.

    Raises:
        NotFound: no such payment of this organization.
        PaymentNotPossible: it is paid: give it back instead.
        PaymentPending: a capture is undecided.
    """
    known = payments.get_payment(organization, payment_id)
    at_reader = _want(known.pk, cause, now)
    if at_reader is not None:
        _stop(known, at_reader)
    ending.finish(payment_id=known.pk, cause=cause, now=now)
    return payments.get_payment(organization, payment_id)


def _want(payment_id: UUID, cause: Cause, now: datetime) -> PaymentAttempt | None:
    """Commit that the payment is not wanted any more; return the try that a reader may be at."""
    with transaction.atomic():
        locked = rows.lock(payment_id)
        payment, live = locked.payment, locked.live
        if payment.status == PaymentStatus.CANCELED:
            return None
        if payment.status == PaymentStatus.SUCCEEDED:
            raise PaymentNotPossible("This payment is paid: give it back instead.")
        if live is not None and live.kind == AttemptKind.CAPTURE:
            raise abandon.pending(live, now=now)
        if payment.cancel_requested_at is None:
            payment.cancel_requested_at = now
        if live is not None and live.state == AttemptState.CREATED:
            _not_sent(locked, live, cause, now)
        payment.save()
        return live if live is not None and live.state in rows.UNDECIDED else None


def _not_sent(locked: rows.Locked, attempt: PaymentAttempt, cause: Cause, now: datetime) -> None:
    """No reader was asked, and by this none will be."""
    settlement.end_attempt(attempt=attempt, state=AttemptState.CANCELED, now=now)
    if not locked.payment.external_id:
        concluding.cancel(locked=locked, cause=cause, now=now)


def _stop(payment: TerminalPayment, attempt: PaymentAttempt) -> None:
    """Have the reader stop asking; that it was told proves nothing."""
    driver = registry.get_driver(payment.provider)
    try:
        driver.stop_sale(rows.order_of(payment, attempt))
    except DriverError as error:
        logger.info("terminals.not_stopped", extra={"id": str(payment.pk), "code": error.code})
