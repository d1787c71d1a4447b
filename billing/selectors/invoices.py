"""Reads of invoices."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.drivers import registry
from billing.enums import CreditNoteStatus, InvoiceStatus
from billing.models import (
    BankAccount,
    CreditNote,
    Invoice,
    InvoiceDelivery,
    InvoiceLine,
    Refund,
)
from notifications.models import MessageState
from orgs.models import Organization

# Whoever starts or changes a subscription sits in front of the page that says it was not paid.
ASKED_FOR = ("subscription_create", "subscription_update")
_OWED = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def list_invoices(
    organization: Organization, *, status: str = "", subscription: UUID | None = None
) -> QuerySet[Invoice]:
    """Return an organization's own invoices, with lines and deliveries, in no order."""
    rows = Invoice.objects.for_org(organization).filter(customer__reference=None)
    if status:
        rows = rows.filter(status=status)
    if subscription:
        rows = rows.filter(subscription=subscription)
    return rows.prefetch_related("lines", "deliveries__message")


def get_invoice(organization: Organization, invoice_id: UUID) -> Invoice | None:
    """Return one of an organization's own invoices with all that is shown of it."""
    rows = list_invoices(organization).select_related("organization", "customer")
    return rows.select_related("subscription__plan_version__plan").filter(pk=invoice_id).first()


def invoice_of_message(message_id: UUID) -> Invoice | None:
    """Return the invoice that a mail brings."""
    deliveries = InvoiceDelivery.objects.filter(message=message_id)
    delivery = deliveries.select_related("invoice__organization").first()
    return delivery.invoice if delivery else None


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """An invoice with what is printed of it."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    credit_notes: Sequence[CreditNote]
    refunds: Sequence[Refund]
    bank: BankAccount | None = None


def paper_of(invoice: Invoice) -> Paper:
    """Load what is printed of an invoice, oldest first."""
    notes = invoice.credit_notes.filter(status=CreditNoteStatus.ISSUED)
    return Paper(
        invoice,
        list(invoice.lines.order_by("position")),
        list(notes.order_by("issued_at", "external_id")),
        list(invoice.refunds.order_by("requested_at", "external_id")),
        bank_account(invoice),
    )


def credit_note(invoice: Invoice, note_id: UUID) -> CreditNote | None:
    """Return a credit note that holds for an invoice."""
    notes = invoice.credit_notes.filter(status=CreditNoteStatus.ISSUED)
    return notes.select_related("invoice__organization").filter(pk=note_id).first()


def credited_tax(note: CreditNote) -> int:
    """Return the tax within a credit note, in minor units.

    It is the invoice's tax by the share of its total, reckoned over all notes up to this one, so
    that the parts always sum to the whole.
    """
    invoice = note.invoice
    if invoice.total_minor <= 0:
        return 0
    earlier = 0
    for row in invoice.credit_notes.filter(status=CreditNoteStatus.ISSUED).order_by(
        "issued_at", "external_id"
    ):
        if row.pk == note.pk:
            break
        earlier += row.amount_minor

    def share(amount_minor: int) -> int:
        return (2 * amount_minor * invoice.tax_minor + invoice.total_minor) // (
            2 * invoice.total_minor
        )

    return share(earlier + note.amount_minor) - share(earlier)


def bank_account(invoice: Invoice) -> BankAccount | None:
    """Return where an invoice is transferred to; None where nothing is to be transferred."""
    is_owed = invoice.status in _OWED and invoice.amount_remaining_minor > 0
    if not is_owed or invoice.due_at is None or not registry.is_configured(invoice.provider):
        return None
    if registry.get_driver(invoice.provider).capabilities.automatic_collection:
        return None
    return BankAccount.objects.filter(currency=invoice.currency).first()


# --- Proof of delivery ------------------------------------------------------------------------


def due_for_delivery() -> Q:
    """Return the condition under which an invoice has to have been mailed.

    One with something on it that was paid, that has to be paid by a date, or whose charge failed
    while nobody was looking. What was voided, or never tried, concerns nobody.
    """
    was_tried = Q(attempt_count__gt=0) & ~Q(billing_reason__in=ASKED_FOR)
    return (
        Q(finalized_at__isnull=False, total_minor__gt=0)
        & ~Q(status=InvoiceStatus.VOID)
        & (Q(paid_at__isnull=False) | Q(due_at__isnull=False) | was_tried)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Of the invoices finalized in a time, how many had to be mailed, and which were not sent."""

    start: datetime
    end: datetime
    owed: int
    missing: Sequence[Invoice]

    @property
    def delivered(self) -> int:
        """Return how many were sent."""
        return self.owed - len(self.missing)

    @property
    def percent(self) -> str:
        """Return the share that was sent; rounded down, so that 100 means all."""
        if not self.owed:
            return "100"
        tenths = self.delivered * 1000 // self.owed
        return "100" if tenths == 1000 else f"{tenths / 10:.1f}"  # noqa: PLR2004 - all of them


def delivery_report(start: datetime, end: datetime) -> DeliveryReport:
    """Prove for the invoices finalized from `start` until before `end` that they were sent."""
    rows = Invoice.objects.filter(due_for_delivery(), finalized_at__gte=start, finalized_at__lt=end)
    missing = rows.exclude(was_sent()).select_related("organization").order_by("finalized_at")
    return DeliveryReport(start, end, rows.count(), list(missing))


def never_queued(*, since: datetime, limit: int) -> list[Invoice]:
    """Return invoices that had to be mailed and for which no mail was ever queued."""
    rows = Invoice.objects.filter(due_for_delivery(), finalized_at__gte=since)
    rows = rows.exclude(Exists(InvoiceDelivery.objects.filter(invoice=OuterRef("pk"))))
    related = ("organization", "customer", "subscription__plan_version__plan")
    return list(rows.select_related(*related).order_by("finalized_at")[:limit])


def given_up_messages(*, since: datetime, before: datetime) -> list[UUID]:
    """Return mails with invoices that were given up before a time, of invoices never sent."""
    rows = InvoiceDelivery.objects.filter(
        message__state=MessageState.DEAD,
        message__updated_at__lt=before,
        invoice__finalized_at__gte=since,
    ).exclude(Exists(_sent().filter(invoice=OuterRef("invoice"))))
    return list(rows.values_list("message_id", flat=True))


def _sent() -> QuerySet[InvoiceDelivery]:
    return InvoiceDelivery.objects.filter(message__state=MessageState.SENT)


def was_sent() -> Exists:
    """Return the condition that a mail with the invoice was sent."""
    return Exists(_sent().filter(invoice=OuterRef("pk")))
