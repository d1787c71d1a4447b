"""What became of an invoice since we last looked: the lines of the timeline, and what to mail.

Each step is told by the moment the provider kept for it, so that an invoice which we first see
when it is paid leaves the same lines as one that was watched all along.
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime

from billing.enums import DeliveryKind, InvoiceStatus
from billing.models import Invoice
from billing.money import Money
from billing.selectors.invoices import ASKED_FOR
from billing.services.timeline import Line

_STEPS = (
    ("finalized_at", "finalized", "Invoice {number} over {total} was issued."),
    (
        "written_off_at",
        "uncollectible",
        "Invoice {number} over {total} was written off: it was never paid.",
    ),
    ("paid_at", "paid", "Invoice {number} over {total} was paid."),
    ("voided_at", "voided", "Invoice {number} was voided: nothing has to be paid for it."),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Mailing:
    """A mail that an invoice calls for; `number` tells several of a kind apart."""

    kind: DeliveryKind
    number: int = 1


def lines(old: Invoice | None, new: Invoice) -> Iterator[Line]:
    """Yield a line for each step between two states of an invoice, in the order they happened."""
    happened = [
        (getattr(new, name), verb, words)
        for name, verb, words in _STEPS
        if getattr(new, name) and (old is None or getattr(old, name) is None)
    ]
    # The sort is stable: of steps in the same second, an invoice is issued before it is paid.
    for moment, verb, words in sorted(happened, key=lambda step: step[0]):
        yield _line(new, verb, words.format(number=new, total=total_of(new)), moment)


def mailings(old: Invoice | None, new: Invoice) -> Iterator[Mailing]:
    """Yield what is to be mailed about the steps between two states of an invoice.

    Nobody is mailed about an invoice over nothing (a trial's) or over a credit; nor, with money to
    pay, about one that is charged automatically: what is mailed then is how that ended.
    """
    if new.total_minor <= 0:
        return
    if new.paid_at and (old is None or old.paid_at is None):
        yield Mailing(DeliveryKind.PAID)
    if new.status != InvoiceStatus.OPEN or new.amount_remaining_minor <= 0:
        return
    if new.due_at and new.is_finalized and (old is None or not old.is_finalized):
        yield Mailing(DeliveryKind.DUE)
    tries = old.attempt_count if old else 0
    if new.attempt_count > tries and new.billing_reason not in ASKED_FOR:
        yield Mailing(DeliveryKind.PAYMENT_FAILED, number=new.attempt_count)


def total_of(invoice: Invoice) -> str:
    """Return the total as a person reads it."""
    return Money(invoice.total_minor, invoice.currency).display()


def _line(invoice: Invoice, verb: str, summary: str, moment: datetime) -> Line:
    return Line(
        type=f"billing.invoice.{verb}",
        summary=summary,
        object_type="invoice",
        object_id=str(invoice.pk),
        occurred_at=moment,
        provider=invoice.provider,
        data={"external_id": invoice.external_id, "number": invoice.number},
    )
