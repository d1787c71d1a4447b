"""An invoice in words: how it stands, its lines and sums, and how it reached its payer."""

import dataclasses
from datetime import datetime

from billing.enums import DeliveryKind, InvoiceStatus, RefundStatus
from billing.models import Invoice, InvoiceDelivery
from billing.money import Money
from billing.selectors import invoices
from notifications.models import MessageState

_S = InvoiceStatus
_STANDINGS = {
    _S.DRAFT: ("Draft", "neutral"),
    _S.OPEN: ("Open", "warning"),
    _S.PAID: ("Paid", "success"),
    _S.VOID: ("Void", "neutral"),
    _S.UNCOLLECTIBLE: ("Written off", "danger"),
}
_REFUNDS = {
    RefundStatus.PENDING: "on its way",
    RefundStatus.REQUIRES_ACTION: "waits for you",
    RefundStatus.SUCCEEDED: "paid back",
    RefundStatus.FAILED: "failed",
    RefundStatus.CANCELED: "not done",
}
_MAILS = {
    MessageState.QUEUED: ("On its way", "info"),
    MessageState.SENDING: ("On its way", "info"),
    MessageState.FAILED: ("On its way", "info"),
    MessageState.SENT: ("Sent", "success"),
    MessageState.DEAD: ("Not delivered", "danger"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line; the period is empty where there is none."""

    description: str
    quantity: int
    amount: str
    period_start: datetime | None
    period_end: datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Reversal:
    """Money on its way back; `note_id` is that of a credit note, which has a file."""

    what: str
    on: datetime
    amount: str
    about: str
    note_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Paper:
    """What is written on an invoice; what is empty does not apply."""

    lines: list[Line]
    subtotal: str
    discount: str
    tax: str
    total: str
    from_credit: str
    paid: str
    remaining: str
    reversals: list[Reversal]
    has_all_lines: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Delivery:
    """A mail with an invoice."""

    to: str
    why: str
    label: str
    tone: str
    on: datetime


def standing(invoice: Invoice) -> tuple[str, str]:
    """Return the status in words, and its tone; what went back counts more than what was paid."""
    if invoice.refunded_minor and invoice.refunded_minor >= invoice.amount_paid_minor > 0:
        return "Paid back", "neutral"
    return _STANDINGS[InvoiceStatus(invoice.status)]


def is_payable(invoice: Invoice) -> bool:
    """Say whether something of it is still to be paid."""
    return (
        invoice.status in (_S.OPEN, _S.UNCOLLECTIBLE)
        and invoice.amount_remaining_minor > 0
        and bool(invoice.hosted_url)
    )


def shown(invoice: Invoice, amount_minor: int) -> str:
    """Return an amount of an invoice, as a person reads it."""
    return Money(amount_minor, invoice.currency).display()


def paper_of(invoice: Invoice) -> Paper:
    """Return what is written on an invoice."""

    def unless_zero(amount_minor: int) -> str:
        return shown(invoice, amount_minor) if amount_minor else ""

    from_credit = max(0, invoice.total_minor) - invoice.amount_due_minor
    printed = invoices.paper_of(invoice)
    is_open = invoice.status in (_S.OPEN, _S.UNCOLLECTIBLE)
    return Paper(
        lines=[
            Line(
                line.description,
                line.quantity,
                shown(invoice, line.amount_minor),
                line.period_start,
                line.period_end,
            )
            for line in printed.lines
        ],
        subtotal=shown(invoice, invoice.subtotal_minor),
        discount=unless_zero(-invoice.discount_minor),
        tax=unless_zero(invoice.tax_minor),
        total=shown(invoice, invoice.total_minor),
        from_credit=unless_zero(-max(0, from_credit)),
        paid=unless_zero(invoice.amount_paid_minor + invoice.paid_elsewhere_minor),
        remaining=unless_zero(invoice.amount_remaining_minor) if is_open else "",
        reversals=_reversals(invoice, printed),
        has_all_lines=invoice.has_all_lines,
    )


def _reversals(invoice: Invoice, printed: invoices.Paper) -> list[Reversal]:
    notes = [
        Reversal(
            f"Credit note {note}",
            note.issued_at,
            shown(invoice, -note.amount_minor),
            note.memo,
            str(note.pk),
        )
        for note in printed.credit_notes
    ]
    refunds = [
        Reversal(
            "Refund",
            refund.requested_at,
            shown(invoice, -refund.amount_minor),
            _REFUNDS[RefundStatus(refund.status)],
        )
        for refund in printed.refunds
    ]
    return notes + refunds


def deliveries_of(invoice: Invoice) -> list[Delivery]:
    """Return the mails that brought an invoice, newest first."""
    rows = sorted(invoice.deliveries.all(), key=lambda row: row.created_at, reverse=True)
    return [_delivery(row) for row in rows]


def _delivery(row: InvoiceDelivery) -> Delivery:
    label, tone = _MAILS[MessageState(row.message.state)]
    why = DeliveryKind(row.kind).label
    return Delivery(row.to, why, label, tone, row.message.sent_at or row.created_at)
