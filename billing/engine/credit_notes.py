"""Writing credit notes: one for each refund that was given, numbered without gaps by its seller."""

from datetime import datetime

from billing.drivers.base import ObjectMissing
from billing.engine import charging, ids, numbers
from billing.engine.models import EngineCreditNote, EngineInvoice, EngineRefund
from billing.enums import CreditNoteStatus, Provider
from billing.types import CreditNoteSnapshot


def issue(refund: EngineRefund, *, now: datetime) -> None:
    """Write the credit note of a refund that was given, in the caller's transaction; once."""
    invoice = charging.lock(refund.invoice_id)
    if EngineCreditNote.objects.filter(refund=refund).exists():
        return
    EngineCreditNote.objects.create(
        organization_id=invoice.organization_id,
        seller_id=invoice.seller_id,
        invoice=invoice,
        refund=refund,
        external_id=ids.new_id(invoice.provider, "cn"),
        number=numbers.next_credit_number(invoice.seller, issued_at=now),
        amount_minor=refund.amount_minor,
        currency=invoice.currency,
        reason=refund.reason[:50],
        issued_at=now,
    )


def retrieve(provider: Provider, external_id: str) -> CreditNoteSnapshot:
    """Ask for a credit note.

    Raises:
        ObjectMissing: there is none with this id.
    """
    rows = EngineCreditNote.objects.select_related("invoice__payer")
    row = rows.filter(invoice__provider=provider, external_id=external_id).first()
    if row is None:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return snapshot(row, row.invoice)


def of_refund(refund: EngineRefund, invoice: EngineInvoice) -> CreditNoteSnapshot | None:
    """Return the credit note of a refund, None while it has not been given."""
    row: EngineCreditNote | None = getattr(refund, "credit_note", None)
    return snapshot(row, invoice) if row else None


def snapshot(row: EngineCreditNote, invoice: EngineInvoice) -> CreditNoteSnapshot:
    """Return a credit note as it is."""
    return CreditNoteSnapshot(
        provider=Provider(invoice.provider),
        external_id=row.external_id,
        external_invoice_id=invoice.external_id,
        external_customer_id=invoice.payer.external_id,
        status=CreditNoteStatus.ISSUED,
        amount_minor=row.amount_minor,
        currency=row.currency,
        created_at=row.issued_at,
        number=row.number,
        reason=row.reason,
    )
