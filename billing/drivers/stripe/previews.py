"""Previewed invoices, as Stripe reckons them."""

from datetime import UTC, datetime

from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import id_of
from billing.types import InvoiceLineSnapshot, InvoicePreview


def preview(raw: Json) -> InvoicePreview:
    """Return a previewed invoice as ours; `raw` has every line.

    Source: https://docs.stripe.com/api/invoices/create_preview
    """
    return InvoicePreview(
        currency=raw["currency"].upper(),
        subtotal_minor=raw["subtotal"],
        discount_minor=sum(row["amount"] for row in raw["total_discount_amounts"] or []),
        tax_minor=sum(row["amount"] for row in raw["total_taxes"] or []),
        total_minor=raw["total"],
        amount_due_minor=raw["amount_due"],
        lines=tuple(line(row) for row in raw["lines"]["data"]),
    )


def line(raw: Json) -> InvoiceLineSnapshot:
    """Return one line of an invoice as ours.

    Source: https://docs.stripe.com/changelog/basil/2025-03-31/invoice-line-item-pricing and
    …/adds-new-parent-field-to-invoicing-objects
    """
    pricing, parent = raw["pricing"] or {}, raw["parent"] or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    return InvoiceLineSnapshot(
        external_id=raw["id"],
        description=raw["description"] or "",
        quantity=raw["quantity"] or 1,
        amount_minor=raw["amount"],
        discount_minor=sum(row["amount"] for row in raw["discount_amounts"] or []),
        period_start=_moment(raw["period"]["start"]),
        period_end=_moment(raw["period"]["end"]),
        external_price_id=id_of((pricing.get("price_details") or {}).get("price")),
        is_proration=bool(details.get("proration")),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
