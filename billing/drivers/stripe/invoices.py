"""Invoices at Stripe: how they look, asking for one, paying one."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, errors, previews, snapshots
from billing.drivers.stripe.calls import Json
from billing.enums import InvoiceStatus, Provider
from billing.types import InvoiceSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXPAND = ["payments"]
_LINES_PER_PAGE = 100
# Stripe's word for an invoice that somebody paid meanwhile.
# Source: https://docs.stripe.com/error-codes#invoice-already-paid
_ALREADY_PAID = "invoice_already_paid"


def snapshot(raw: Json) -> InvoiceSnapshot:
    """Return an invoice with its payments expanded as ours.

    Source: https://docs.stripe.com/api/invoices/object and, for what an invoice belongs to,
    https://docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects
    """
    times = raw["status_transitions"]
    details = (raw["parent"] or {}).get("subscription_details") or {}
    metadata = details.get("metadata") or raw["metadata"] or {}
    lines = raw["lines"]
    elsewhere = raw["amount_paid_off_stripe"] or 0
    return InvoiceSnapshot(
        provider=Provider.STRIPE,
        external_id=raw["id"],
        status=InvoiceStatus(raw["status"]),
        currency=raw["currency"].upper(),
        subtotal_minor=raw["subtotal"],
        discount_minor=_sum(raw["total_discount_amounts"]),
        tax_minor=_sum(raw["total_taxes"]),
        total_minor=raw["total"],
        amount_due_minor=raw["amount_due"],
        amount_paid_minor=raw["amount_paid"],
        amount_remaining_minor=raw["amount_remaining"],
        paid_elsewhere_minor=elsewhere,
        credited_minor=(
            raw["pre_payment_credit_notes_amount"] + raw["post_payment_credit_notes_amount"]
        ),
        number=raw["number"] or "",
        billing_reason=raw["billing_reason"] or "",
        external_customer_id=snapshots.id_of(raw["customer"]),
        external_subscription_id=snapshots.id_of(details.get("subscription")),
        external_payment_id=snapshots.intent_of_invoice(raw),
        organization_id=metadata.get(snapshots.ORGANIZATION_KEY, ""),
        created_at=_moment(raw["created"]),
        finalized_at=_moment(times["finalized_at"]),
        due_at=_moment(raw["due_date"]),
        paid_at=_moment(times["paid_at"]),
        voided_at=_moment(times["voided_at"]),
        written_off_at=_moment(times["marked_uncollectible_at"]),
        period_start=_moment(raw["period_start"]),
        period_end=_moment(raw["period_end"]),
        next_attempt_at=_moment(raw["next_payment_attempt"]),
        attempt_count=raw["attempt_count"],
        hosted_url=raw["hosted_invoice_url"] or "",
        pdf_url=raw["invoice_pdf"] or "",
        payer_name=raw["customer_name"] or "",
        payer_email=raw["customer_email"] or "",
        payer_address=_address(raw["customer_address"]),
        payer_tax_ids=tuple(row["value"] for row in raw["customer_tax_ids"] or [] if row["value"]),
        lines=tuple(previews.line(row) for row in lines["data"]),
        has_all_lines=not lines["has_more"],
    )


def latest_of(subscription: Json) -> InvoiceSnapshot | None:
    """Return the latest invoice of a subscription, if it was expanded."""
    invoice = subscription["latest_invoice"]
    return snapshot(invoice) if isinstance(invoice, dict) else None


def retrieve(external_id: str) -> InvoiceSnapshot:
    """Ask for an invoice as it is now, with every line."""
    return _whole(calls.read_one("invoices", external_id, expand=_EXPAND))


def pay(external_id: str, *, payment_method: str, idempotency_key: str) -> InvoiceSnapshot:
    """Charge an open invoice now; its payer is at hand and may be asked to confirm.

    Source: https://docs.stripe.com/api/invoices/pay
    """
    params: stripe.params.InvoicePayParams = {"off_session": False, "expand": _EXPAND}
    if payment_method:
        params["payment_method"] = payment_method
    options = calls.keyed(idempotency_key)
    try:
        paid = calls.write(lambda sdk: sdk.v1.invoices.pay(external_id, params, options))
    except DriverRejected as error:
        if error.detail != _ALREADY_PAID:
            raise
        return retrieve(external_id)
    with errors.after_write():
        return _whole(paid)


def _whole(raw: Json) -> InvoiceSnapshot:
    """Return an invoice with the lines that Stripe left out of it."""
    lines = raw["lines"]
    if lines["has_more"] and lines["data"]:
        lines["data"] += _further_lines(raw["id"], after=lines["data"][-1]["id"])
        lines["has_more"] = False
    return snapshot(raw)


def _further_lines(external_id: str, *, after: str) -> list[Json]:
    def page(sdk: stripe.StripeClient, last: str | None) -> stripe.StripeObject:
        params: stripe.params.InvoiceLineItemListParams = {
            "limit": _LINES_PER_PAGE,
            "starting_after": last or after,
        }
        return sdk.v1.invoices.line_items.list(external_id, params)

    return list(calls.pages(page))


def _sum(rows: "Sequence[Mapping[str, Any]] | None") -> int:
    return sum(int(row["amount"]) for row in rows or ())


def _address(raw: Json | None) -> tuple[str, ...]:
    """Return an address line by line, the country as its code."""
    if not raw:
        return ()
    place = " ".join(part for part in (raw["postal_code"], raw["city"]) if part)
    lines = (raw["line1"], raw["line2"], place, raw["state"], raw["country"])
    return tuple(line for line in lines if line)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
