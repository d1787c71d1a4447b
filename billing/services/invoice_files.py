"""The file of an invoice: for a download, and for the mail that brings it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from billing.errors import InvoiceNotReady
from billing.models import CreditNote, Invoice
from billing.selectors import invoices
from billing.services import credit_note_pdf, invoice_pdf, invoice_refresh
from billing.types import Cause
from notifications.attachments import Attachment
from notifications.models import Message

PDF = "application/pdf"


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A PDF and its name."""

    name: str
    content: bytes = dataclasses.field(repr=False)


def print_invoice(*, invoice: Invoice, cause: Cause, now: datetime) -> File:
    """Return the PDF of an invoice, asking the provider only for lines that are not here yet.

    Raises:
        InvoiceNotReady: it is a draft.
        DomainError: lines are missing, and the provider could not be asked.
    """
    if not invoice.is_finalized:
        raise InvoiceNotReady
    if not invoice.has_all_lines:
        invoice_refresh.refresh_invoice(invoice=invoice, cause=cause, now=now)
    content = invoice_pdf.render(invoices.paper_of(invoice))
    return File(invoice_pdf.filename(invoice), content)


def print_credit_note(note: CreditNote) -> File:
    """Return the PDF of a credit note, from what is stored."""
    return File(credit_note_pdf.filename(note), credit_note_pdf.render(note))


def attach_invoice(message: Message) -> Sequence[Attachment]:
    """Return the PDF that goes with a mail; made anew whenever it is sent."""
    invoice = invoices.invoice_of_message(message.pk)
    if invoice is None:
        return ()
    now = message.claimed_at or message.next_attempt_at
    file = print_invoice(invoice=invoice, cause=Cause("sweep", detail="mail"), now=now)
    return (Attachment(file.name, file.content, PDF),)
