"""Receipts of payments in person: what stands on one, and as plain text.

What card schemes want printed: the application's name and identifier, how the card was read and how
its holder was known, the authorization's code. Never a number but its last four digits.
"""

import dataclasses
import textwrap
from collections.abc import Iterator
from datetime import datetime

from billing.enums import Provider
from billing.money import Money
from billing.selectors import billing_details
from orgs.errors import DomainError
from terminals.enums import FINAL_STATUSES
from terminals.models import TerminalPayment
from terminals.selectors import payments

TEXT = "text/plain; charset=utf-8"
# As many letters as the narrow paper of a till's printer holds in a line.
_WIDTH = 42

ENTRY_MODES = {
    "chip": "Chip",
    "contactless": "Contactless",
    "swipe": "Magnetic stripe",
    "manual": "Typed in",
}
VERIFICATIONS = {
    "pin": "PIN verified",
    "signature": "Signature",
    "device": "Verified on the holder's device",
    "none": "No verification",
}

Row = tuple[str, str]


class ReceiptNotReady(DomainError):
    """There is no receipt: nothing of this payment was taken."""

    code = "CONFLICT"
    status = 409


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """What is printed, in the order in which it is; pairs are a word and its value.

    `amounts` ends with what is left after `refunds`, where there are any.
    """

    number: str
    merchant: str
    address: str
    taken_at: datetime
    reader: str
    amounts: list[Row]
    refunds: list[Row]
    card: list[Row]

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Receipt {self.number}"

    @property
    def foot(self) -> str:
        """What stands below all."""
        return "Customer copy"


def is_ready(payment: TerminalPayment) -> bool:
    """Say whether money was taken, and that is not undecided any more."""
    return payment.captured_at is not None and payment.status in FINAL_STATUSES


def number_of(payment: TerminalPayment) -> str:
    """Return what a receipt is called: short enough to be read out."""
    return payment.pk.hex[:10].upper()


def address_of(payment: TerminalPayment) -> str:
    """Return where the reader stands; where that is not known, the merchant's own address.

    Stripe's location is an id, which says nothing to people.
    """
    if payment.provider != Provider.STRIPE and payment.terminal.location:
        return payment.terminal.location
    own = billing_details.details_of(payment.organization).address
    place = " ".join(filter(None, (own.postal_code, own.city, own.region)))
    return ", ".join(filter(None, (own.line1, own.line2, place, own.country)))


def basket_minor(payment: TerminalPayment) -> int:
    """Return what was taken besides the tip, in minor units."""
    return payment.captured_minor - min(payment.tip_minor, payment.captured_minor)


def make(payment: TerminalPayment) -> Receipt:
    """Return what stands on the customer's copy.

    Raises:
        ReceiptNotReady: nothing was taken.
    """
    if payment.captured_at is None or not is_ready(payment):
        raise ReceiptNotReady
    return Receipt(
        number=number_of(payment),
        merchant=payment.organization.name,
        address=address_of(payment),
        taken_at=payment.captured_at,
        reader=payment.terminal.label,
        amounts=list(_amounts(payment)),
        refunds=list(_refunds(payment)),
        card=list(card_rows(payment)),
    )


def as_text(receipt: Receipt) -> str:
    """Return a receipt as lines for a narrow printer."""
    rule = "-" * _WIDTH
    head = [receipt.merchant, *filter(None, [receipt.address]), "", receipt.title]
    folded = [part for line in head for part in textwrap.wrap(line, _WIDTH) or [""]]
    lines = [line.center(_WIDTH).rstrip() for line in folded]
    lines += [f"{receipt.taken_at:%-d %B %Y, %H:%M} UTC", receipt.reader, rule]
    lines += [_line(*row) for row in receipt.amounts]
    if receipt.refunds:
        lines += [rule, *(_line(*row) for row in receipt.refunds)]
    if receipt.card:
        lines += [rule, *(_line(*row) for row in receipt.card)]
    lines += [rule, receipt.foot.center(_WIDTH).rstrip()]
    return "\n".join(lines) + "\n"


def _line(word: str, value: str) -> str:
    gap = _WIDTH - len(word) - len(value)
    return f"{word}{' ' * gap}{value}" if gap > 0 else f"{word}\n{value:>{_WIDTH}}"


def _amounts(payment: TerminalPayment) -> Iterator[Row]:
    if payment.tip_minor:
        yield "Amount", _money(payment, basket_minor(payment))
        yield "Tip", _money(payment, min(payment.tip_minor, payment.captured_minor))
    yield "Total paid", _money(payment, payment.captured_minor)


def _refunds(payment: TerminalPayment) -> Iterator[Row]:
    given = list(payments.given_back(payment))
    for refund in given:
        yield f"Refund of {refund.requested_at:%-d %B %Y}", _money(payment, -refund.amount_minor)
    if given:
        yield "Left of it", _money(payment, payment.captured_minor - payment.refunded_minor)


def card_rows(payment: TerminalPayment) -> Iterator[Row]:
    """Yield what is said of the card, and of how it was read."""
    card = payment.card
    if card.get("last4"):
        brand = str(card.get("brand", "")).replace("_", " ").title() or "Card"
        yield brand, f"**** {card['last4']}"
    named = {
        "Read by": ENTRY_MODES.get(card.get("entry_mode", ""), ""),
        "Holder": VERIFICATIONS.get(card.get("verification", ""), ""),
        "Application": card.get("application", ""),
        "AID": card.get("aid", ""),
        "Authorization": card.get("auth_code", ""),
        **{_word(name): value for name, value in card.get("emv", {}).items()},
        "Reference": payment.reference,
    }
    yield from ((word, str(value)) for word, value in named.items() if value)


def _word(name: str) -> str:
    """Return the name of a tag as it is read: abbreviations stay."""
    return name.replace("_", " ").capitalize() if name.islower() else name


def _money(payment: TerminalPayment, amount_minor: int) -> str:
    return Money(amount_minor, payment.currency).display()
