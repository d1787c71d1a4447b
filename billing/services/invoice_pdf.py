"""Printing an invoice: the same rows give the same file, byte for byte.

Made from what is stored, never by asking the provider; the seller comes from the settings.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from django.conf import settings

from billing.enums import InvoiceStatus, RefundStatus
from billing.models import Invoice, InvoiceLine
from billing.money import Money
from billing.selectors.invoices import Paper
from billing.services.pdf_sheet import BLACK, LEFT, LINE, TOP, Sheet, day

_AMOUNT, _QUANTITY, _LABEL = 34.0, 18.0, 40.0
_STAMP_WIDTH, _STAMP_HEIGHT = 40.0, 13.0
_STAMPS = {InvoiceStatus.PAID: ("PAID", (26, 127, 55)), InvoiceStatus.VOID: ("VOID", (176, 32, 32))}
_NOT_GIVEN_BACK = (RefundStatus.FAILED, RefundStatus.CANCELED)


def render(paper: Paper) -> bytes:
    """Return the PDF of an invoice that was finalized."""
    document = _Document(paper, settings.SELLER)
    document.write()
    return bytes(document.sheet.output())


def filename(invoice: Invoice) -> str:
    """Return what the file is called: letters, digits and dashes."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in str(invoice))
    return f"invoice-{kept.strip('-')}.pdf"


def seller_rows(seller: Mapping[str, str]) -> list[str]:
    """Return who a paper is from, line by line; some may be empty."""
    rows = [seller["name"], *seller["address"].split("|")]
    vat_id = seller["vat_id"]
    return [*rows, f"VAT ID {vat_id}" if vat_id else "", settings.SUPPORT_EMAIL]


def payer_rows(invoice: Invoice) -> list[str]:
    """Return who an invoice is for, as it stands on it; some lines may be empty."""
    rows = [invoice.payer_name or invoice.organization.name, *invoice.payer_address]
    return [*rows, *(f"Tax ID {number}" for number in invoice.payer_tax_ids), invoice.payer_email]


class _Document:
    def __init__(self, paper: Paper, seller: Mapping[str, str]) -> None:
        self.paper, self.invoice, self.seller = paper, paper.invoice, seller
        self.sheet = Sheet(
            text="".join(self._words()),
            made_at=paper.invoice.finalized_at or paper.invoice.issued_at,
            title=f"Invoice {paper.invoice}",
            author=seller["name"],
            note=seller["note"],
        )

    def _words(self) -> Iterator[str]:
        """Yield whatever is printed that we did not write ourselves."""
        yield from seller_rows(self.seller)
        yield from payer_rows(self.invoice)
        yield from (self.seller["note"], str(self.invoice))
        yield from (line.description for line in self.paper.lines)
        yield from (f"{note}{note.memo}" for note in self.paper.credit_notes)
        yield from (value for _, value in self._bank())
        yield self._money(0)  # the sign of the currency

    def write(self) -> None:
        """Write everything, from top to bottom."""
        self._write_head()
        self._write_parties()
        self._write_lines()
        self._write_sums()
        self._write_bank()
        self._write_reversals()

    def _write_head(self) -> None:
        sheet, invoice = self.sheet, self.invoice
        with sheet.bold():
            sheet.size(16)
            sheet.row(self.seller["name"], height=9)
            sheet.size(12)
            sheet.row(f"Invoice {invoice}", height=8)
        sheet.size(9)
        for label, moment in (
            ("Issued", invoice.finalized_at),
            ("Due", invoice.due_at),
            ("Paid", invoice.paid_at),
        ):
            if moment:
                sheet.row(f"{label} {day(moment)}")
        self._stamp()
        sheet.ln(4)

    def _stamp(self) -> None:
        words, color = _STAMPS.get(InvoiceStatus(self.invoice.status), ("", BLACK))
        if not words:
            return
        sheet = self.sheet
        bottom, left = sheet.get_y(), sheet.w - LEFT - _STAMP_WIDTH
        sheet.set_text_color(*color)
        sheet.set_draw_color(*color)
        sheet.set_line_width(0.6)
        sheet.rect(left, TOP, _STAMP_WIDTH, _STAMP_HEIGHT)
        sheet.set_line_width(0.2)
        sheet.set_xy(left, TOP)
        sheet.size(18)
        with sheet.bold():
            sheet.cell(w=_STAMP_WIDTH, h=_STAMP_HEIGHT, text=words, align="C")
        sheet.set_text_color(*BLACK)
        sheet.set_draw_color(*BLACK)
        sheet.set_xy(LEFT, bottom)

    def _write_parties(self) -> None:
        sheet = self.sheet
        top, half = sheet.get_y(), sheet.epw / 2
        bottoms = [
            self._write_party("From", seller_rows(self.seller), left=LEFT, top=top, width=half - 4),
            self._write_party(
                "Bill to", payer_rows(self.invoice), left=LEFT + half, top=top, width=half
            ),
        ]
        sheet.set_xy(LEFT, max(bottoms) + 6)

    def _write_party(
        self, title: str, rows: Sequence[str], *, left: float, top: float, width: float
    ) -> float:
        sheet = self.sheet
        sheet.set_xy(left, top)
        sheet.size(9)
        with sheet.muted():
            sheet.row(title, width=width)
        sheet.size(10)
        for row in rows:
            if row.strip():
                sheet.paragraph(row, width=width)
        return sheet.get_y()

    def _write_lines(self) -> None:
        sheet = self.sheet
        width = sheet.epw - _AMOUNT - _QUANTITY
        sheet.size(9)
        with sheet.muted():
            sheet.cell(w=width, h=6, text="Description")
            sheet.right("Quantity", width=_QUANTITY, height=6)
            sheet.right("Amount", width=_AMOUNT, height=6)
        sheet.ln(6)
        self._rule()
        for line in self.paper.lines:
            with self._amount_beside(line.amount_minor, quantity=str(line.quantity)):
                self._write_line(line, width)
        self._rule()

    def _write_line(self, line: InvoiceLine, width: float) -> None:
        sheet = self.sheet
        sheet.paragraph(line.description or "-", width=width)
        start, end = line.period_start, line.period_end
        if start and end and start != end:
            sheet.size(8)
            with sheet.muted():
                sheet.row(f"{day(start)} to {day(end)}", width=width, height=4.5)
            sheet.size(10)

    @contextlib.contextmanager
    def _amount_beside(self, amount_minor: int, *, quantity: str = "") -> Iterator[None]:
        """Write an amount at the right edge of what the block writes, on its first line."""
        sheet = self.sheet
        # Enough for most: what is longer begins on a page of its own and takes what it needs.
        if sheet.will_page_break(4 * LINE):
            sheet.add_page()
        sheet.size(10)
        top = sheet.get_y()
        sheet.set_x(LEFT + sheet.epw - _AMOUNT - _QUANTITY)
        sheet.right(quantity, width=_QUANTITY)
        sheet.right(self._money(amount_minor), width=_AMOUNT)
        sheet.set_xy(LEFT, top)
        yield
        sheet.set_xy(LEFT, sheet.get_y() + 2)

    def _rule(self) -> None:
        y = self.sheet.get_y()
        self.sheet.line(LEFT, y, LEFT + self.sheet.epw, y)
        self.sheet.ln(3)

    def _write_sums(self) -> None:
        invoice = self.invoice
        self._sum("Subtotal", invoice.subtotal_minor)
        if invoice.discount_minor:
            self._sum("Discount", -invoice.discount_minor)
        if invoice.tax_minor:
            before = invoice.subtotal_minor - invoice.discount_minor
            is_added = before + invoice.tax_minor == invoice.total_minor
            self._sum("Tax" if is_added else "Tax (included)", invoice.tax_minor)
        with self.sheet.bold():
            self._sum("Total", invoice.total_minor)
        applied = invoice.total_minor - invoice.amount_due_minor
        if applied and invoice.total_minor > 0:
            self._sum("Credit applied" if applied > 0 else "Earlier balance", -applied)
        paid = invoice.amount_paid_minor + invoice.paid_elsewhere_minor
        if paid:
            self._sum("Paid", -paid)
        if invoice.status == InvoiceStatus.OPEN:
            with self.sheet.bold():
                self._sum("Amount due", invoice.amount_remaining_minor)

    def _sum(self, label: str, amount_minor: int) -> None:
        sheet = self.sheet
        sheet.size(10)
        sheet.right(label, width=sheet.epw - _AMOUNT, height=6)
        sheet.right(self._money(amount_minor), width=_AMOUNT, height=6)
        sheet.ln(6)

    def _bank(self) -> list[tuple[str, str]]:
        """Return where the amount is transferred to, line by line."""
        bank = self.paper.bank
        if bank is None:
            return []
        rows = [
            ("Account holder", bank.holder),
            ("IBAN / account", bank.number),
            ("BIC / routing code", bank.code),
            ("Bank", bank.bank),
            ("Reference", str(self.invoice)),
        ]
        return [(label, value) for label, value in rows if value]

    def _write_bank(self) -> None:
        rows = self._bank()
        if not rows:
            return
        sheet, invoice = self.sheet, self.invoice
        if sheet.will_page_break((len(rows) + 3) * LINE):
            sheet.add_page()
        sheet.ln(6)
        amount = self._money(invoice.amount_remaining_minor)
        with sheet.bold():
            sheet.row(f"Please transfer {amount} by {day(invoice.due_at)}")
        sheet.ln(1)
        for label, value in rows:
            top = sheet.get_y()
            with sheet.muted():
                sheet.row(label, width=_LABEL)
            bottom = sheet.get_y()
            sheet.set_xy(LEFT + _LABEL, top)
            sheet.paragraph(value, width=sheet.epw - _LABEL)
            sheet.set_xy(LEFT, max(bottom, sheet.get_y()))

    def _write_reversals(self) -> None:
        rows = [
            (f"Credit note {note} of {day(note.issued_at)}", note.memo, note.amount_minor)
            for note in self.paper.credit_notes
        ]
        rows += [
            (f"Refund of {day(row.requested_at)}", "", row.amount_minor)
            for row in self.paper.refunds
            if row.status not in _NOT_GIVEN_BACK
        ]
        if not rows:
            return
        sheet = self.sheet
        sheet.ln(6)
        with sheet.bold():
            sheet.row("Credits and refunds")
        sheet.ln(1)
        for words, memo, amount_minor in rows:
            with self._amount_beside(-amount_minor):
                text = f"{words}: {memo}" if memo else words
                sheet.paragraph(text, width=sheet.epw - _AMOUNT - _QUANTITY)

    def _money(self, amount_minor: int) -> str:
        return Money(amount_minor, self.invoice.currency).display()
