"""The hosted invoice, and its PDF."""

from html import escape

from starlette.requests import Request
from starlette.responses import Response

from tests.simulators.stripe.pages.html import money, page
from tests.simulators.stripe.world import World


async def show(world: World, _request: Request, invoice_id: str) -> Response:
    """Show an invoice with its lines."""
    invoice = world.store.get("invoice", invoice_id)
    rows = "".join(
        f"<li><span>{escape(line['description'] or '')}</span>"
        f"<span>{money(line['amount'], line['currency'])}</span></li>"
        for line in invoice["lines"]["data"]
    )
    total = money(invoice["amount_due"], invoice["currency"])
    body = (
        f'<main><div class="card"><h1>Invoice {escape(invoice["number"] or "draft")}</h1>'
        f'<p class="note">{escape(invoice["status"])}</p><p class="total">{total}</p>'
        f'<ul class="items">{rows}</ul><p><a href="/i/{invoice_id}/pdf">Download PDF</a></p>'
        "</div></main>"
    )
    return page(f"Invoice {invoice['number']}", body)


def _document(text: str) -> bytes:
    stream = f"BT /F1 14 Tf 72 760 Td ({text}) Tj ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + trailer


async def pdf(world: World, _request: Request, invoice_id: str) -> Response:
    """Answer with a one-line PDF."""
    invoice = world.store.get("invoice", invoice_id)
    amount = money(invoice["amount_due"], invoice["currency"])
    text = f"Invoice {invoice['number'] or 'draft'}: {amount}, {invoice['status']}"
    return Response(_document(text), media_type="application/pdf")
