"""What discounts take off lines: before taxes, one after the other, exactly.

A discount is reckoned from the sum of what is left of the lines it holds for, rounded half a unit
up, and spread over them by weight: what it takes off the lines always sums to what it takes off the
invoice. The next discount sees what is left. Credits and prorations are never discounted.
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from billing.engine.lines import DraftLine, Item, line_of_period
from billing.engine.periods import Period, months_after
from billing.engine.rounding import half_up, spread
from billing.enums import CouponDuration


@dataclasses.dataclass(frozen=True, slots=True)
class Discount:
    """A redeemed coupon. Exactly one of `percent_off` and `amount_off_minor` (each invoice) is set.

    `ends_at` None: until it is used up (once) or as long as the subscription. Without `products`
    it is for all of them.
    """

    id: str
    duration: CouponDuration
    starts_at: datetime
    percent_off: Decimal | None = None
    amount_off_minor: int = 0
    currency: str = ""
    ends_at: datetime | None = None
    products: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a discount that takes off nothing, more than there is, or two things at once.

        Raises:
            ValueError: see above.
        """
        if (self.percent_off is None) == (self.amount_off_minor == 0):
            raise ValueError("a discount is either a percentage or an amount")
        if self.percent_off is not None and not 0 < self.percent_off <= 100:  # noqa: PLR2004 - all of it
            raise ValueError(f"not a percentage to take off: {self.percent_off}")
        if self.amount_off_minor < 0 or (self.amount_off_minor and not self.currency):
            raise ValueError("an amount off is above 0 and has a currency")

    def runs_at(self, moment: datetime) -> bool:
        """Say whether it holds for what is charged at a moment."""
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)

    def holds_for(self, line: DraftLine) -> bool:
        """Say whether it may be taken off a line."""
        return line.is_discountable and (not self.products or line.product in self.products)


def end_of(duration: CouponDuration, months: int, starts_at: datetime) -> datetime | None:
    """Return when a coupon that is redeemed now ends by itself; None for never."""
    return months_after(starts_at, months) if duration is CouponDuration.REPEATING else None


def taken_off(
    lines: Sequence[DraftLine], discounts: Sequence[Discount], *, currency: str, at: datetime
) -> list[dict[str, int]]:
    """Return what each discount takes off each line, by the discount's id; only what is not 0."""
    left = [line.amount_minor for line in lines]
    found: list[dict[str, int]] = [{} for _ in lines]
    for discount in discounts:
        if not discount.runs_at(at):
            continue
        weights = [
            max(rest, 0) if discount.holds_for(line) else 0
            for line, rest in zip(lines, left, strict=True)
        ]
        parts = spread(_whole(discount, sum(weights), currency), weights)
        for index, amount in enumerate(parts):
            if amount:
                left[index] -= amount
                found[index][discount.id] = found[index].get(discount.id, 0) + amount
    return found


def net_of(
    item: Item, period: Period, discounts: Sequence[Discount], *, at: datetime
) -> tuple[int, frozenset[str]]:
    """Return what an item costs for a whole period after discounts, and which of them counted."""
    line = line_of_period(item, period)
    taken = taken_off([line], discounts, currency=item.currency, at=at)[0]
    return line.amount_minor - sum(taken.values()), frozenset(taken)


def _whole(discount: Discount, total: int, currency: str) -> int:
    """Return what a discount takes off a sum; one in another currency takes off nothing."""
    if discount.percent_off is not None:
        return half_up(Decimal(total) * discount.percent_off / 100)
    return min(discount.amount_off_minor, total) if discount.currency == currency else 0
