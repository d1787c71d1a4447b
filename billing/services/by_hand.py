"""Payments that staff saw on a bank account, and invoices that they give up."""

import dataclasses
from datetime import date, datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, ObjectMissing, OutcomeUnknown
from billing.enums import InvoiceStatus
from billing.errors import NotPossibleNow, PaymentPending
from billing.models import Invoice, ManualPayment
from billing.money import Money
from billing.services import cases, invoice_refresh, projection, refusals, timeline
from billing.types import Cause
from orgs.base import insert_once
from orgs.errors import DomainError, InvalidRequest
from orgs.models import Organization, User

_WRONG = {
    "amount_too_large": "This is more than is still to be paid.",
    "amount_invalid": "Give an amount above nothing, and a reference.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class SeenPayment:
    """A payment as it stands on the bank statement, in minor units of the invoice's currency."""

    amount_minor: int
    reference: str
    received_on: date


def can_mark_paid(invoice: Invoice) -> bool:
    """Say whether transfers for an invoice are entered here: where the books are our own."""
    is_ours = registry.get_driver(invoice.provider).capabilities.part_payments
    return is_ours and invoice.is_finalized


def mark_paid(
    *,
    invoice: Invoice,
    payment: SeenPayment,
    entered_by: User | None,
    cause: Cause,
    now: datetime,
) -> ManualPayment:
    """Enter a payment, in full or in part; the same reference counts once for an invoice.

    For an invoice that was paid already the payment is one too many: it is kept, and a case asks
    somebody to give it back.

    Raises:
        InvalidRequest: more than is still to be paid, or nothing.
        PaymentPending: a charge of the invoice is undecided: it might be paid twice.
        NotPossibleNow: the invoice is void, or a draft, or its provider keeps the books.
    """
    if not can_mark_paid(invoice):
        raise NotPossibleNow("Transfers for this invoice can't be entered here.")
    known = ManualPayment.objects.for_org(invoice.organization).filter(
        invoice=invoice, reference=payment.reference
    )
    found = known.first()
    if found is not None and found.amount_minor != payment.amount_minor:
        raise InvalidRequest(
            fields={"reference": ["This payment was entered with another amount."]}
        )
    if found is not None:
        return found
    is_too_much = not _settle(invoice, payment)
    _take_over(invoice, cause, now)
    if is_too_much and invoice.status != InvoiceStatus.PAID:
        raise NotPossibleNow("Nothing has to be paid for this invoice.")
    return _note(invoice, payment, entered_by, cause, now, is_too_much=is_too_much)


def write_off(*, invoice: Invoice, cause: Cause, now: datetime) -> None:
    """Give an open invoice up; it can still be paid.

    Raises:
        NotPossibleNow: it is not open, or its provider keeps the books.
        PaymentPending: a charge of it is undecided.
    """
    if not can_mark_paid(invoice):
        raise NotPossibleNow("This invoice can't be given up here.")
    driver = registry.get_driver(invoice.provider)
    try:
        driver.write_off_invoice(invoice.external_id, idempotency_key=f"{invoice.pk}:write-off")
    except OutcomeUnknown as error:
        raise PaymentPending from error
    except DriverRejected as error:
        raise NotPossibleNow("Only an open invoice can be given up.") from error
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    _take_over(invoice, cause, now)


def _settle(invoice: Invoice, payment: SeenPayment) -> bool:
    """Tell whoever keeps the books; False when nothing was open any more."""
    driver = registry.get_driver(invoice.provider)
    try:
        driver.settle_by_hand(
            invoice.external_id,
            amount_minor=payment.amount_minor,
            reference=payment.reference,
            idempotency_key=f"{invoice.pk}:{payment.reference}",
        )
    except OutcomeUnknown as error:
        raise PaymentPending from error
    except ObjectMissing as error:
        raise NotPossibleNow("This invoice is not in the books.") from error
    except DriverRejected as error:
        if error.detail == "invoice_not_open":
            return False
        raise _refusal(error) from error
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    return True


def _refusal(error: DriverRejected) -> DomainError:
    words = _WRONG.get(error.detail)
    return InvalidRequest(fields={"amount": [words]}) if words else refusals.of_code(error.code)


def _take_over(invoice: Invoice, cause: Cause, now: datetime) -> None:
    """Bring invoice and subscription in line with the books, both or none.

    Whoever sees the invoice paid asks no more: a subscription left overdue would stay so.
    """
    row = invoice.subscription
    if row is None or not row.external_id:
        invoice_refresh.refresh_invoice(invoice=invoice, cause=cause, now=now)
        return
    driver = registry.get_driver(row.provider)
    fetched_at = projection.database_now()
    try:
        snapshot = driver.retrieve_subscription(row.external_id)
        along = [driver.retrieve_invoice(invoice.external_id)]
    except DriverError:  # the next run of the books brings the subscription
        invoice_refresh.refresh_invoice(invoice=invoice, cause=cause, now=now)
        return
    projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now, along=along)
    invoice.refresh_from_db()


def _note(
    invoice: Invoice,
    payment: SeenPayment,
    entered_by: User | None,
    cause: Cause,
    now: datetime,
    *,
    is_too_much: bool,
) -> ManualPayment:
    """Keep the payment with its line; one too many opens a case."""
    row = ManualPayment(
        organization=invoice.organization,
        invoice=invoice,
        amount_minor=payment.amount_minor,
        currency=invoice.currency,
        reference=payment.reference,
        received_on=payment.received_on,
        entered_by=entered_by,
        is_too_much=is_too_much,
    )
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(
            pk=invoice.organization_id
        )
        if not insert_once(row):
            return ManualPayment.objects.get(invoice=invoice, reference=payment.reference)
        amount = Money(payment.amount_minor, invoice.currency).display()
        line = timeline.Line(
            type="billing.payment.received",
            summary=f"A transfer of {amount} for invoice {invoice} was received.",
            object_type="invoice",
            object_id=str(invoice.pk),
            occurred_at=now,
            provider=invoice.provider,
            data={"reference": payment.reference, "received_on": str(payment.received_on)},
        )
        timeline.record_event(organization=organization, line=line, cause=cause)
        if is_too_much:
            cases.open_paid_twice(payment=row)
    return row
