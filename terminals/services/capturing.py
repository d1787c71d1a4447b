"""Capturing what a reader had authorized: in full, or in part; once."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, OutcomeUnknown
from billing.enums import AttemptKind
from billing.errors import PaymentNotPossible
from billing.models import PaymentAttempt
from billing.money import Money
from billing.services import abandon, projection, refusals, settlement, unanswered
from billing.types import Cause
from orgs.errors import InvalidRequest
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import asking, concluding, rows

# After this the process that sent the call is taken for dead, and the provider is asked.
_SENT_RESOLVE_AFTER_S = 60


def capture(
    *,
    organization: Organization,
    payment_id: UUID,
    amount_minor: int | None = None,
    cause: Cause,
    now: datetime,
) -> TerminalPayment:
    """Take an authorized payment, or a part of it (minor units); the rest is given up.

    Asked for twice it is taken once. A payment that comes back as `requires_capture` has an answer
    missing: it is asked for, see `selectors.payments.resolve_after`.

    Raises:
        NotFound: no such payment of this organization.
        InvalidRequest: the amount is not positive, or more than was authorized.
        PaymentNotPossible: nothing is authorized, or another amount was captured.
        PaymentPending: another capture is undecided.
        ProviderRefused: the provider said no.
        ProviderBusy, ProviderFailed: provably nothing was captured.
    """
    known = payments.get_payment(organization, payment_id)
    with transaction.atomic():
        locked = rows.lock(known.pk)
        amount = _amount(locked.payment, amount_minor)
        if locked.payment.status == PaymentStatus.SUCCEEDED:
            return locked.payment
        attempt = _open(locked, now)
    _send(known, attempt, amount, cause, now)
    return payments.get_payment(organization, payment_id)


def _amount(payment: TerminalPayment, wanted: int | None) -> int:
    """Return what is to be captured; of what was captured already, what it was."""
    if payment.status == PaymentStatus.SUCCEEDED and wanted in (None, payment.captured_minor):
        return payment.captured_minor
    if payment.status != PaymentStatus.REQUIRES_CAPTURE and (wanted is None or wanted >= 1):
        raise PaymentNotPossible(f"This payment is {payment.get_status_display().lower()}.")
    amount = payment.authorized_minor if wanted is None else wanted
    if not 1 <= amount <= payment.authorized_minor:
        most = Money(payment.authorized_minor, payment.currency).display()
        raise InvalidRequest(fields={"amount": [f"From 1 to what is authorized: {most}."]})
    return amount


def _open(locked: rows.Locked, now: datetime) -> PaymentAttempt:
    """Write the try: of two captures at once, the second finds the first."""
    if locked.payment.cancel_requested_at is not None:
        raise PaymentNotPossible("This payment was canceled.")
    if locked.live is not None:
        raise abandon.pending(locked.live, now=now)
    return settlement.new_attempt(
        obligation=locked.debt, kind=AttemptKind.CAPTURE, provider=locked.payment.provider
    )


def _send(
    payment: TerminalPayment,
    attempt: PaymentAttempt,
    amount_minor: int,
    cause: Cause,
    now: datetime,
) -> None:
    """Call the provider, with the try committed as sent and no transaction open."""
    if not settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=_SENT_RESOLVE_AFTER_S):
        raise abandon.pending(attempt)
    driver = registry.get_driver(payment.provider)
    fetched_at = projection.database_now()
    try:
        with unanswered.in_time(attempt):
            snapshot = driver.capture_sale(
                rows.order_of(payment, attempt),
                amount_minor=amount_minor,
                idempotency_key=attempt.idempotency_key,
            )
    except OutcomeUnknown:
        concluding.lose(attempt=attempt, cause=cause, now=now)
        return
    except DriverError as error:
        concluding.give_up(attempt=attempt, cause=cause, now=now, error=error)
        if isinstance(error, DriverRejected):
            asking.look(payment=payment, cause=cause, now=now)
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    concluding.conclude(
        attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
