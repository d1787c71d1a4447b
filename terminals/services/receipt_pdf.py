"""Printing a receipt: the same rows give the same file, byte for byte."""

from collections.abc import Iterable

from billing.services.pdf_sheet import LEFT, Sheet
from terminals.services.receipts import Receipt, Row

PDF = "application/pdf"
_VALUE = 70.0


def render(receipt: Receipt) -> bytes:
    """Return a receipt as a PDF."""
    rows = [*receipt.amounts, *receipt.refunds, *receipt.card]
    said = [receipt.merchant, receipt.address, receipt.reader, *(a + b for a, b in rows)]
    sheet = Sheet(
        text="".join(said),
        made_at=receipt.taken_at,
        title=receipt.title,
        author=receipt.merchant,
        note=receipt.foot,
    )
    _write_head(sheet, receipt)
    for index, group in enumerate((receipt.amounts, receipt.refunds, receipt.card)):
        _write_rows(sheet, group, is_muted=index > 0)
    return bytes(sheet.output())


def filename(receipt: Receipt) -> str:
    """Return what the file is called."""
    return f"receipt-{receipt.number}.pdf"


def _write_head(sheet: Sheet, receipt: Receipt) -> None:
    with sheet.bold():
        sheet.size(16)
        sheet.paragraph(receipt.merchant, width=sheet.epw)
        sheet.ln(2)
        sheet.size(12)
    sheet.size(10)
    if receipt.address:
        sheet.paragraph(receipt.address, width=sheet.epw)
    sheet.ln(3)
    with sheet.bold():
        sheet.row(receipt.title)
    sheet.row(f"{receipt.taken_at:%-d %B %Y, %H:%M} UTC")
    sheet.paragraph(receipt.reader, width=sheet.epw)
    sheet.ln(4)


def _write_rows(sheet: Sheet, rows: Iterable[Row], *, is_muted: bool) -> None:
    for word, value in rows:
        top = sheet.get_y()
        with sheet.muted() if is_muted else sheet.bold():
            sheet.paragraph(word, width=sheet.epw - _VALUE)
            bottom = sheet.get_y()
            sheet.set_xy(LEFT + sheet.epw - _VALUE, top)
            sheet.right(value, width=_VALUE)
        sheet.set_xy(LEFT, bottom)
    sheet.ln(4)
