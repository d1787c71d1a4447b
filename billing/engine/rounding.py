"""Exact shares of whole amounts: rounded once, by one rule, and never lost."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal


def half_up(exact: Decimal) -> int:
    """Round to the minor unit, half a unit away from zero: a credit mirrors its charge."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def share_of(amount: int, part: int, whole: int) -> int:
    """Return `part` of `whole` of an amount, rounded half a unit away from zero.

    Integers throughout: no share is rounded twice.
    """
    doubled, divisor = abs(amount) * part * 2 + whole, whole * 2
    return doubled // divisor if amount >= 0 else -(doubled // divisor)


def spread(whole: int, weights: Sequence[int]) -> list[int]:
    """Spread an amount of at least 0 by weight, to the minor unit; the parts sum to it.

    The largest remainders get what is over, the first of equal ones first.

    Raises:
        ValueError: there is something to spread and nobody to take it, or a weight is below 0.
    """
    if whole < 0 or any(weight < 0 for weight in weights):
        raise ValueError("only what is not negative is spread")
    total = sum(weights)
    if total == 0:
        if whole:
            raise ValueError("nothing to spread an amount over")
        return [0] * len(weights)
    parts = [whole * weight // total for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda index: -(whole * weights[index] % total))
    for index in by_rest[: whole - sum(parts)]:
        parts[index] += 1
    return parts
