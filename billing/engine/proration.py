"""Prorations: credit for unused time, and a charge for the time that remains, to the second.

Rounding: what remains of an amount from a moment on is its share of the seconds, rounded to the
minor unit, half a unit away from zero (as Stripe). The part between two moments is the difference
of what remains at both, so the parts of an amount always sum to it, however often it is cut.

A credit is for what was charged last and not for a list price: who was charged 10.00 for the rest
of a month gets the unused part of those 10.00 back (Stripe's flexible billing mode).
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from billing.engine.lines import DraftLine, Item
from billing.engine.periods import Period, whole_second
from billing.engine.rounding import share_of


@dataclasses.dataclass(frozen=True, slots=True)
class Debit:
    """What was last charged for an item, net of discounts and before taxes, and for which time."""

    item: Item
    amount_minor: int
    period: Period


def remaining(amount_minor: int, period: Period, at: datetime) -> int:
    """Return the part of an amount that falls to the time from a moment on."""
    return share_of(amount_minor, period.seconds_after(at), period.seconds)


def used(amount_minor: int, period: Period, at: datetime) -> int:
    """Return the part of an amount that falls to the time before a moment."""
    return amount_minor - remaining(amount_minor, period, at)


def split(amount_minor: int, period: Period, cuts: Iterable[datetime]) -> list[int]:
    """Return the parts of an amount between the moments that cut its period; they sum to it.

    Every cut makes a part, also one outside of the period (its part is 0).
    """
    moments = (period.start, *sorted(cuts), period.end)
    left = [remaining(amount_minor, period, moment) for moment in moments]
    return [before - after for before, after in pairwise(left)]


def credit_for_unused(debit: Debit, at: datetime) -> DraftLine | None:
    """Return the line that gives back what was charged for the time from a moment on."""
    amount = -remaining(debit.amount_minor, debit.period, at)
    return _line("Unused", debit.item, amount, debit.period, at)


def charge_for_remaining(
    item: Item, amount_minor: int, period: Period, at: datetime
) -> DraftLine | None:
    """Return the line that charges an item from a moment on.

    `amount_minor` is what the whole period costs, net of discounts: they are in this line, which
    is not discounted again.
    """
    return _line("Remaining", item, remaining(amount_minor, period, at), period, at)


def _line(word: str, item: Item, amount: int, period: Period, at: datetime) -> DraftLine | None:
    """Return a proration's line; None where it is about nothing (and no line is made)."""
    left = _rest(period, at)
    if amount == 0 or left is None:
        return None
    what = f"{item.quantity} \N{MULTIPLICATION SIGN} {item.name}"
    return DraftLine(
        description=f"{word} time on {what} after {at:%d %b %Y}",
        quantity=item.quantity,
        amount_minor=amount,
        period=left,
        external_price_id=item.external_price_id,
        product=item.product,
        is_proration=True,
        is_discountable=False,
    )


def _rest(period: Period, at: datetime) -> Period | None:
    start = max(whole_second(at), period.start)
    return Period(start, period.end) if start < period.end else None
