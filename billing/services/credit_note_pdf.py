"""Printing a credit note: the same rows give the same file, byte for byte."""

from collections.abc import Mapping

from django.conf import settings

from billing.models import CreditNote
from billing.money import Money
from billing.selectors import invoices
from billing.services import invoice_pdf
from billing.services.pdf_sheet import LEFT, Sheet, day

_AMOUNT = 40.0
_WORDS = {
    "requested_by_customer": "as you asked",
    "duplicate": "it was paid twice",
    "fraudulent": "it was not yours",
}


def render(note: CreditNote) -> bytes:
    """Return the PDF of a credit note, with the tax that is within its sum."""
    invoice, seller = note.invoice, settings.SELLER
    to = invoice_pdf.payer_rows(invoice)
    said = [*invoice_pdf.seller_rows(seller), *to, str(note), note.memo, seller["note"]]
    sheet = Sheet(
        text="".join([*said, str(invoice), _money(note, 0)]),
        made_at=note.issued_at,
        title=f"Credit note {note}",
        author=seller["name"],
        note=seller["note"],
    )
    _write_head(sheet, note, seller)
    _write_parties(sheet, invoice_pdf.seller_rows(seller), to)
    _write_sum(sheet, note)
    return bytes(sheet.output())


def filename(note: CreditNote) -> str:
    """Return what the file is called: letters, digits and dashes."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in str(note))
    return f"credit-note-{kept.strip('-')}.pdf"


def _write_head(sheet: Sheet, note: CreditNote, seller: Mapping[str, str]) -> None:
    with sheet.bold():
        sheet.size(16)
        sheet.row(seller["name"], height=9)
        sheet.size(12)
        sheet.row(f"Credit note {note}", height=8)
    sheet.size(9)
    sheet.row(f"Issued {day(note.issued_at)}")
    issued = note.invoice.finalized_at or note.invoice.issued_at
    sheet.row(f"For invoice {note.invoice} of {day(issued)}")
    sheet.ln(4)


def _write_parties(sheet: Sheet, seller: list[str], payer: list[str]) -> None:
    for title, rows in (("From", seller), ("For", payer)):
        sheet.size(9)
        with sheet.muted():
            sheet.row(title)
        sheet.size(10)
        for row in filter(str.strip, rows):
            sheet.paragraph(row, width=sheet.epw)
        sheet.ln(4)


def _write_sum(sheet: Sheet, note: CreditNote) -> None:
    why = note.memo or _WORDS.get(note.reason, "")
    what = f"Credited of invoice {note.invoice}"
    rows = [(f"{what}: {why}" if why else what, note.amount_minor)]
    tax = invoices.credited_tax(note)
    if tax:
        rows.append(("Of it tax", tax))
    for index, (words, amount_minor) in enumerate(rows):
        top = sheet.get_y()
        with sheet.muted() if index else sheet.bold():
            sheet.paragraph(words, width=sheet.epw - _AMOUNT)
            bottom = sheet.get_y()
            sheet.set_xy(LEFT + sheet.epw - _AMOUNT, top)
            sheet.right(_money(note, amount_minor), width=_AMOUNT)
        sheet.set_xy(LEFT, bottom)


def _money(note: CreditNote, amount_minor: int) -> str:
    return Money(amount_minor, note.currency).display()
