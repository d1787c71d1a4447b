"""Bringing together an invoice and what was given back of the payment behind it."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Sum

from billing.enums import CreditNoteStatus, RefundStatus
from billing.models import Dispute, Invoice, Refund

# A refund that failed or was withdrawn has given nothing back; one under way counts.
_NOT_GIVEN_BACK = (RefundStatus.FAILED, RefundStatus.CANCELED)


def invoice_paid_with(provider: str, external_payment_id: str) -> Invoice | None:
    """Return the invoice that was paid with a payment; None for a payment of something else."""
    if not external_payment_id:
        return None
    rows = Invoice.objects.filter(provider=provider, external_payment_id=external_payment_id)
    return rows.order_by("issued_at").first()


def link_paid(invoices: Iterable[Invoice], *, now: datetime) -> None:
    """Link what came in before the invoice did; the caller has locked the organizations."""
    by_payment = {
        (row.provider, row.external_payment_id): row for row in invoices if row.external_payment_id
    }
    if not by_payment:
        return
    for table in (Refund, Dispute):
        waiting = table.objects.filter(
            invoice=None, external_payment_id__in={payment for _, payment in by_payment}
        )
        for row in waiting:
            invoice = by_payment.get((row.provider, row.external_payment_id))
            if invoice is None or invoice.organization_id != row.organization_id:
                continue
            row.invoice = invoice
            row.save(update_fields=["invoice", "updated_at"])
            if isinstance(row, Refund):
                sum_refunds(invoice, now=now)


def sum_refunds(invoice: Invoice, *, now: datetime) -> None:
    """Bring an invoice's refunded amount in line with its refunds."""
    given_back = invoice.refunds.exclude(status__in=_NOT_GIVEN_BACK)
    total = given_back.aggregate(total=Sum("amount_minor"))["total"] or 0
    if invoice.refunded_minor != total:
        invoice.refunded_minor = total
        Invoice.objects.filter(pk=invoice.pk).update(refunded_minor=total, updated_at=now)


def sum_credit_notes(invoice: Invoice, *, now: datetime) -> None:
    """Bring an invoice's credited amount in line with its credit notes."""
    issued = invoice.credit_notes.filter(status=CreditNoteStatus.ISSUED)
    total = issued.aggregate(total=Sum("amount_minor"))["total"] or 0
    if invoice.credited_minor != total:
        invoice.credited_minor = total
        Invoice.objects.filter(pk=invoice.pk).update(credited_minor=total, updated_at=now)
