"""What a subscription has and what an invoice says of it: items, and lines before any sums."""

import dataclasses
from decimal import Decimal

from billing.engine.periods import Period, Rhythm
from billing.engine.rounding import half_up
from billing.money import Money


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """A price and how many of it. `product` is what coupons and tax rates may be restricted to.

    `unit_amount_minor` may have parts of a minor unit; what they come to is rounded per line.
    """

    name: str
    unit_amount_minor: Decimal | int
    quantity: int
    currency: str
    rhythm: Rhythm
    external_price_id: str = ""
    product: str = ""

    @property
    def amount_minor(self) -> int:
        """Return what a whole period costs in advance, before discounts."""
        return half_up(Decimal(self.unit_amount_minor) * self.quantity)


@dataclasses.dataclass(frozen=True, slots=True)
class DraftLine:
    """One line before discounts and taxes; a credit is negative.

    A line without `is_discountable` is charged as it is: a proration is net of discounts already.
    """

    description: str
    quantity: int
    amount_minor: int
    period: Period | None = None
    external_price_id: str = ""
    product: str = ""
    is_proration: bool = False
    is_discountable: bool = True


def line_of_period(item: Item, period: Period) -> DraftLine:
    """Return the line that charges an item for a whole period in advance."""
    return DraftLine(
        description=f"{item.quantity} \N{MULTIPLICATION SIGN} {item.name} (at {_price(item)})",
        quantity=item.quantity,
        amount_minor=item.amount_minor,
        period=period,
        external_price_id=item.external_price_id,
        product=item.product,
    )


def line_of_trial(item: Item, period: Period) -> DraftLine:
    """Return the line that says what a free trial is for: it costs nothing."""
    return DraftLine(
        description=f"Trial period for {item.name}",
        quantity=item.quantity,
        amount_minor=0,
        period=period,
        external_price_id=item.external_price_id,
        product=item.product,
    )


def _price(item: Item) -> str:
    """Return a unit's price and rhythm in words: `$29.00 / month`, `$80.00 / 3 months`."""
    shown = Money(half_up(Decimal(item.unit_amount_minor)), item.currency).display()
    interval, count = item.rhythm.interval.value, item.rhythm.count
    return f"{shown} / {interval}" if count == 1 else f"{shown} / {count} {interval}s"
