"""Writing invoices down: numbered, with their lines, the payer's credit and what was taken off.

Everything here runs in the caller's transaction, with the payer and the subscription locked.
"""

import dataclasses
from collections.abc import Collection as AnyOf
from datetime import datetime, timedelta

from django.db.models import Max

from billing.engine import ids, numbers
from billing.engine.drafting import Draft
from billing.engine.models import (
    CreditEntry,
    EngineDiscount,
    EngineInvoice,
    EngineInvoiceLine,
    EngineSubscription,
    Payer,
    PendingLine,
)
from billing.engine.models.invoices import BillingReason
from billing.engine.models.subscriptions import Collection
from billing.engine.periods import Period
from billing.engine.terms import NEW_DISCOUNT
from billing.enums import CouponDuration, InvoiceStatus

_NOTHING_USED: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """An invoice to be written. `used` are discounts within its prorations, by id.

    One that `is_charged` is charged from then on by whoever looks at its subscription.
    """

    subscription: EngineSubscription
    payer: Payer
    reason: BillingReason
    draft: Draft
    period: Period
    issued_at: datetime
    used: AnyOf[str] = _NOTHING_USED
    is_charged: bool = False


def issue(paper: Paper) -> EngineInvoice:
    """Write an invoice down, open, or paid where nothing is to be paid.

    It becomes the subscription's latest one; the caller saves that.
    """
    subscription, draft = paper.subscription, paper.draft
    is_sent = subscription.collection == Collection.SEND_INVOICE
    is_free = draft.amount_due_minor == 0
    due_at = paper.issued_at + timedelta(days=subscription.days_until_due)
    invoice = EngineInvoice.objects.create(
        organization_id=subscription.organization_id,
        seller_id=paper.payer.seller_id,
        payer=paper.payer,
        subscription=subscription,
        provider=subscription.provider,
        external_id=ids.new_id(subscription.provider, "in"),
        number=numbers.next_number(paper.payer.seller, issued_at=paper.issued_at),
        status=InvoiceStatus.PAID if is_free else InvoiceStatus.OPEN,
        billing_reason=paper.reason,
        collection=subscription.collection,
        currency=draft.currency,
        subtotal_minor=draft.subtotal_minor,
        discount_minor=draft.discount_minor,
        tax_minor=draft.tax_minor,
        total_minor=draft.total_minor,
        credit_minor=draft.credit_before_minor - draft.credit_after_minor,
        amount_due_minor=draft.amount_due_minor,
        taxes=_taxes(draft),
        period_start=paper.period.start,
        period_end=paper.period.end,
        issued_at=paper.issued_at,
        due_at=due_at if is_sent and not is_free else None,
        paid_at=paper.issued_at if is_free else None,
        next_attempt_at=paper.issued_at if paper.is_charged and not is_free else None,
        payer_name=paper.payer.name,
        payer_email=paper.payer.email,
        payer_address=paper.payer.address,
        payer_tax_ids=paper.payer.tax_ids,
    )
    EngineInvoiceLine.objects.bulk_create(_lines(invoice, draft))
    move_credit(paper.payer, invoice, -invoice.credit_minor, reason=f"Invoice {invoice.number}")
    _use_discounts(invoice, {*draft.counted_discounts, *paper.used})
    subscription.latest_invoice = invoice
    return invoice


def void(invoice: EngineInvoice, *, now: datetime) -> None:
    """Take an open invoice back: its credit, its coupons and its waiting lines are free again."""
    invoice.status, invoice.voided_at, invoice.next_attempt_at = InvoiceStatus.VOID, now, None
    invoice.save(update_fields=["status", "voided_at", "next_attempt_at", "updated_at"])
    move_credit(
        invoice.payer, invoice, invoice.credit_minor, reason=f"Invoice {invoice.number} was voided"
    )
    EngineDiscount.objects.filter(used_by=invoice).update(used_by=None, updated_at=now)
    PendingLine.objects.filter(invoice=invoice).update(invoice=None, updated_at=now)


def move_credit(
    payer: Payer, invoice: EngineInvoice | None, amount_minor: int, *, reason: str
) -> None:
    """Give a payer credit (above 0) or take some; nothing is written for nothing.

    The database refuses a balance below 0, and a second entry with the same number.
    """
    if amount_minor == 0 or invoice is None:
        return
    entries = CreditEntry.objects.filter(payer=payer, currency=invoice.currency)
    last = entries.order_by("-number").first()
    CreditEntry.objects.create(
        organization_id=payer.organization_id,
        payer=payer,
        number=last.number + 1 if last else 1,
        currency=invoice.currency,
        amount_minor=amount_minor,
        balance_minor=(last.balance_minor if last else 0) + amount_minor,
        invoice=invoice,
        reason=reason,
    )


def next_position(subscription: EngineSubscription) -> int:
    """Return where the next waiting line goes."""
    last = subscription.pending_lines.aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def _lines(invoice: EngineInvoice, draft: Draft) -> list[EngineInvoiceLine]:
    return [
        EngineInvoiceLine(
            organization_id=invoice.organization_id,
            invoice=invoice,
            position=position,
            description=line.description,
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            discount_minor=line.discount_minor,
            period_start=line.period_start,
            period_end=line.period_end,
            external_price_id=line.external_price_id,
            is_proration=line.is_proration,
        )
        for position, line in enumerate(draft.as_lines(), start=1)
    ]


def _taxes(draft: Draft) -> list[dict[str, object]]:
    return [
        {
            "name": tax.rate.name,
            "percentage": str(tax.rate.percentage),
            "is_inclusive": tax.rate.is_inclusive,
            "taxable_minor": tax.taxable_minor,
            "amount_minor": tax.amount_minor,
        }
        for tax in draft.taxes
    ]


def _use_discounts(invoice: EngineInvoice, counted: AnyOf[str]) -> None:
    """Note which coupons that hold once were used up by an invoice."""
    if not counted:
        return
    rows = EngineDiscount.objects.filter(subscription=invoice.subscription, removed_at=None)
    rows.filter(
        pk__in=[name for name in counted if name != NEW_DISCOUNT],
        coupon__duration=CouponDuration.ONCE,
        used_by=None,
    ).update(used_by=invoice, updated_at=invoice.issued_at)
