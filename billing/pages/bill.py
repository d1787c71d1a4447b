"""A quote as a bill to be read: its lines, what is taken off, and what its button does."""

import dataclasses
from datetime import datetime

from billing.enums import Effective, Interval, QuoteKind
from billing.models import Price, Quote
from billing.money import Money
from billing.pages import offers, words


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line; amounts are ready to be read."""

    description: str
    quantity: int
    amount: str


@dataclasses.dataclass(frozen=True, slots=True)
class Bill:
    """What something costs; what is empty does not apply.

    `credit` is what is taken from the payer's balance, `left_over` what goes there.
    """

    lines: list[Line]
    subtotal: str
    discount: str
    tax: str
    total: str
    credit: str
    due: str
    left_over: str


def bill_of(quote: Quote) -> Bill:
    """Return a quote as a bill."""

    def shown(amount_minor: int) -> str:
        return Money(amount_minor, quote.currency).display()

    used = max(0, quote.total_minor) - quote.amount_due_minor
    return Bill(
        lines=[
            Line(line["description"], line["quantity"], shown(line["amount"]))
            for line in quote.lines
        ],
        subtotal=shown(quote.subtotal_minor),
        discount=shown(-quote.discount_minor) if quote.discount_minor else "",
        tax=shown(quote.tax_minor) if quote.tax_minor else "",
        total=shown(quote.total_minor),
        credit=shown(-used) if used > 0 else "",
        due=shown(quote.amount_due_minor),
        left_over=shown(-quote.total_minor) if quote.total_minor < 0 else "",
    )


def begins_at(quote: Quote) -> datetime | None:
    """Return when what a quote is for takes place; None for now."""
    if quote.effective != Effective.PERIOD_END or quote.subscription is None:
        return None
    return quote.subscription.current_period_end


def described(price: Price, seats: int) -> str:
    """Return what is subscribed to: `Starter, 2 seats, $58.00 a month`."""
    total = Money(price.amount_minor * seats, price.currency).display()
    period = offers.PERIODS[Interval(price.interval)]
    return f"{price.plan_version.plan.name}, {words.counted(seats, 'seat')}, {total} a {period}"


def deed(quote: Quote) -> str:
    """Return what the button says: `Pay $41.20 now and switch`; empty where nothing is done."""
    if quote.kind != QuoteKind.CHANGE:
        return ""
    what = _verb(quote)
    if quote.charged_at_once and quote.amount_due_minor > 0:
        due = Money(quote.amount_due_minor, quote.currency).display()
        return f"Pay {due} now and {what}"
    begins = begins_at(quote)
    return f"{what.capitalize()} {f'on {begins:%-d %B %Y}' if begins else 'now'}"


def _verb(quote: Quote) -> str:
    before = quote.subscription
    if before is None or quote.price_id != before.price_id:
        return "switch"
    return "change seats" if quote.seats != before.seats else "use the coupon"


def done_in_words(quote: Quote) -> str:
    """Say what was done."""
    begins = begins_at(quote)
    plan, seats = quote.price.plan_version.plan.name, words.counted(quote.seats, "seat")
    if begins:
        return f"Done. From {begins:%-d %B %Y} it is {plan}, {seats}."
    return f"Done. It is {plan}, {seats} now."
