"""Readers and payments in person in the words of a tenant."""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

from billing.money import Money
from terminals.enums import PaymentStatus, TerminalStatus
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import terminals
from terminals.selectors.totals import DayTotals
from terminals.services import wording

_READERS = {
    TerminalStatus.ONLINE: "success",
    TerminalStatus.OFFLINE: "danger",
    TerminalStatus.BUSY: "warning",
}
_PAYMENTS = {
    PaymentStatus.REQUIRES_TERMINAL: "neutral",
    PaymentStatus.IN_PROGRESS: "info",
    PaymentStatus.REQUIRES_CAPTURE: "warning",
    PaymentStatus.SUCCEEDED: "success",
    PaymentStatus.DECLINED: "danger",
    PaymentStatus.CANCELED: "neutral",
    PaymentStatus.UNKNOWN: "warning",
}


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment in a list. `reason` says why nothing was taken, if that is known."""

    payment: TerminalPayment
    label: str
    tone: str
    amount: str
    reason: str

    @property
    def name(self) -> str:
        """Return what the till calls it, if it does."""
        return self.payment.reference or "Payment"


@dataclasses.dataclass(frozen=True, slots=True)
class ReaderRow:
    """A reader in a list; `holder` is the payment that has it."""

    terminal: Terminal
    label: str
    tone: str
    holder: PaymentRow | None
    days: Sequence["DayRow"] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class DayRow:
    """What a reader took on a day in one currency, as a person reads it."""

    count: int
    gross: str
    tips: str
    refunds: int
    refunded: str
    net: str


def reader(terminal: Terminal, days: Iterable[DayTotals] = ()) -> ReaderRow:
    """Return a reader with what it takes and took."""
    status = terminals.status(terminal)
    held = terminals.open_payment(terminal)
    holder = payment(held) if held is not None and held.holds_reader else None
    mine = [day(row) for row in days if row.terminal.pk == terminal.pk]
    return ReaderRow(terminal, status.label, _READERS[status], holder, mine)


def payment(row: TerminalPayment) -> PaymentRow:
    """Return a payment; what went back counts more than what was paid."""
    status = PaymentStatus(row.status)
    label, tone = str(status.label), _PAYMENTS[status]
    if status == PaymentStatus.SUCCEEDED and row.refunded_minor:
        is_all = row.refunded_minor >= row.captured_minor
        label, tone = ("Paid back", "neutral") if is_all else ("Partly paid back", "success")
    amount = row.captured_minor or row.authorized_minor or row.amount_minor
    return PaymentRow(row, label, tone, money(row, amount), wording.why(row))


def day(found: DayTotals) -> DayRow:
    """Return a day's sums as they are read."""

    def shown(amount_minor: int) -> str:
        return Money(amount_minor, found.currency).display()

    total = found.total
    return DayRow(
        total.count,
        shown(total.gross_minor),
        shown(total.tips_minor) if total.tips_minor else "",
        total.refunds,
        shown(total.refunded_minor) if total.refunds else "",
        shown(total.net_minor),
    )


def money(row: TerminalPayment, amount_minor: int) -> str:
    """Return an amount of a payment, as a person reads it."""
    return Money(amount_minor, row.currency).display()


def version(*what: object) -> str:
    """Return a short text that is another one as soon as something of it changes."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def version_of_readers(found: Iterable[Terminal]) -> str:
    """Return it for a list of readers: their names, their status, and what holds them."""
    rows = [reader(terminal) for terminal in found]
    return version(
        *(
            (row.terminal.pk, row.terminal.label, row.label, row.holder and _of(row.holder.payment))
            for row in rows
        )
    )


def version_of_payment(row: TerminalPayment) -> str:
    """Return it for one payment."""
    return version(_of(row), row.cancel_requested_at, row.refunded_minor)


def _of(row: TerminalPayment) -> tuple[object, ...]:
    return (row.pk, row.status, row.captured_minor)
