"""Paying what is overdue, at once, when a payer has given another card."""

import logging
from datetime import datetime

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, OutcomeUnknown
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    InvoiceStatus,
    ObligationKind,
    ObligationState,
    SubscriptionStatus,
)
from billing.errors import PaymentPending
from billing.models import Obligation, PaymentAttempt, Subscription
from billing.selectors import subscriptions
from billing.services import abandon, projection, refusals, resolve, settlement, unanswered
from billing.types import Cause, InvoiceSnapshot
from orgs.models import Organization

SENT_RESOLVE_AFTER_S = 60
_OVERDUE = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)

logger = logging.getLogger(__name__)


def pay_overdue(
    *, organization: Organization, payment_method: str = "", cause: Cause, now: datetime
) -> Subscription | None:
    """Charge the overdue invoice to the payer's default method, or to the one that is named.

    One invoice is one debt: whoever tries, one try at a time, and it is paid once. None when
    nothing is overdue.

    Raises:
        PaymentPending: another try at it is undecided.
        CardDeclined: the invoice stays open, and may be tried again with another card.
        ProviderBusy, ProviderFailed: provably not charged.
    """
    row = subscriptions.live(organization)
    if row is None or row.status not in _OVERDUE or not row.latest_invoice_external_id:
        return None
    driver = registry.get_driver(row.provider)
    try:
        invoice = driver.retrieve_invoice(row.latest_invoice_external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
        return _look_again(row, cause, now)
    attempt = _open(row, invoice)
    if attempt is None:
        return _look_again(row, cause, now)
    return _send(attempt, row, payment_method, cause, now)


def _open(row: Subscription, invoice: InvoiceSnapshot) -> PaymentAttempt | None:
    """Commit the try at this invoice, unless another one may still take the money.

    None when it was paid since we looked.
    """
    try:
        with transaction.atomic():
            Organization.objects.select_for_update(no_key=True).get(pk=row.organization_id)
            debt, _ = Obligation.objects.get_or_create(
                organization_id=row.organization_id,
                subscription=row,
                kind=ObligationKind.RENEWAL,
                invoice_external_id=invoice.external_id,
                defaults={
                    "amount_minor": invoice.amount_remaining_minor,
                    "currency": invoice.currency,
                },
            )
            live = debt.attempts.filter(state__in=LIVE_ATTEMPTS).first()
            if live is not None:
                raise abandon.pending(live)
            if debt.state == ObligationState.SETTLED:
                return None
            if debt.state == ObligationState.VOID:  # uncollectible once, and now paid after all
                debt.state = ObligationState.OPEN
                debt.save(update_fields=["state", "updated_at"])
            return settlement.new_attempt(
                obligation=debt, kind=AttemptKind.CARD, provider=row.provider
            )
    except IntegrityError:
        raise PaymentPending from None


def _send(
    attempt: PaymentAttempt,
    row: Subscription,
    payment_method: str,
    cause: Cause,
    now: datetime,
) -> Subscription:
    if not settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=SENT_RESOLVE_AFTER_S):
        raise abandon.pending(attempt)
    driver = registry.get_driver(attempt.provider)
    try:
        with unanswered.in_time(attempt):
            paid = driver.pay_invoice(
                attempt.obligation.invoice_external_id,
                payment_method=payment_method,
                idempotency_key=attempt.idempotency_key,
            )
    except OutcomeUnknown:
        resolve.await_answer(attempt=attempt, now=now)
        raise abandon.pending(attempt, now=now) from None
    except DriverError as error:
        raise _refuse(attempt, error, now) from error
    _settle(attempt, paid, now)
    return _look_again(row, cause, now)


def _settle(attempt: PaymentAttempt, invoice: InvoiceSnapshot, now: datetime) -> None:
    if invoice.status is not InvoiceStatus.PAID:
        return
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        debt = Obligation.objects.select_for_update().get(pk=attempt.obligation_id)
        settlement.settle(
            debt=settlement.Debt(debt, attempt), now=now, external_id=invoice.external_payment_id
        )


def _refuse(attempt: PaymentAttempt, error: DriverError, now: datetime) -> Exception:
    """End the try; the debt stays open and may be tried again."""
    refusal = refusals.end(attempt=attempt, error=error, now=now)
    logger.info("recovery.refused", extra={"attempt": str(attempt.pk), "code": error.code})
    return refusal


def _look_again(row: Subscription, cause: Cause, now: datetime) -> Subscription:
    """Take over what the provider says of the subscription now."""
    driver = registry.get_driver(row.provider)
    fetched_at = projection.database_now()
    try:
        snapshot = driver.retrieve_subscription(row.external_id)
    except DriverError:
        return row  # its webhook brings it
    done = projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    return done.subscription
