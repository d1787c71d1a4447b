"""Tax rates: a table per region, and what they come to on one line.

Rounding: each rate is reckoned per line, from what is left after discounts, and rounded to the
minor unit, half a unit away from zero; a credit's tax mirrors that of the charge it takes back.
Inclusive rates are taken out of a line together (their sum is rounded, and spread over them by
rate); exclusive ones are added on what the line is without its inclusive tax.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from billing.engine.rounding import half_up, share_of, spread

_PLACES = 4  # of a percentage


@dataclasses.dataclass(frozen=True, slots=True)
class TaxRate:
    """One rate: for a whole country, or where `region` is set for that part of it alone.

    It holds for what is charged from `valid_from` up to but without `valid_until`. Without
    `products` it is for all of them.
    """

    id: str
    name: str
    percentage: Decimal
    is_inclusive: bool = False
    country: str = ""
    region: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    products: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what is no rate.

        Raises:
            ValueError: below 0, above 100, or with more than four decimals.
        """
        if not 0 <= self.percentage <= 100:  # noqa: PLR2004 - all of it
            raise ValueError(f"not a tax rate: {self.percentage}")
        if self.percentage != round(self.percentage, _PLACES):
            raise ValueError(f"a tax rate has at most four decimals: {self.percentage}")

    def holds(self, *, product: str, at: datetime) -> bool:
        """Say whether it is for a product at a moment."""
        if self.products and product not in self.products:
            return False
        begun = self.valid_from is None or self.valid_from <= at
        return begun and (self.valid_until is None or at < self.valid_until)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a payer is taxed: ISO 3166 country, and its part where that matters."""

    country: str
    region: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class TaxAmount:
    """What one rate comes to on one line, or on an invoice. `taxable_minor` is without the tax."""

    rate: TaxRate
    taxable_minor: int
    amount_minor: int


class TaxService(Protocol):
    """Who knows the rates of a sale: our table, or a service outside.

    One that asks a network is called before any transaction, and its answer kept with the draft.
    """

    def rates(self, *, place: Place | None, product: str, at: datetime) -> tuple[TaxRate, ...]:
        """Return the rates of one product for a payer at a place (None: not known)."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class TaxTable:
    """Rates that were entered by hand. Rates for a payer's region replace those of its country."""

    entries: tuple[TaxRate, ...] = ()

    def rates(self, *, place: Place | None, product: str, at: datetime) -> tuple[TaxRate, ...]:
        """Return the most specific rates there are; they add up. Nowhere, nothing is taxed."""
        if place is None:
            return ()
        here = [
            rate
            for rate in self.entries
            if rate.country == place.country and rate.holds(product=product, at=at)
        ]
        own = tuple(rate for rate in here if place.region and rate.region == place.region)
        return own or tuple(rate for rate in here if not rate.region)


def on_line(amount_minor: int, rates: Sequence[TaxRate]) -> tuple[TaxAmount, ...]:
    """Return the taxes of one line; `amount_minor` is what is left of it after discounts."""
    inside = [rate for rate in rates if rate.is_inclusive]
    included = _included(amount_minor, inside)
    net = amount_minor - sum(included)
    amounts = iter(included)
    return tuple(
        TaxAmount(
            rate, net, next(amounts) if rate.is_inclusive else half_up(net * rate.percentage / 100)
        )
        for rate in rates
    )


def _included(amount_minor: int, rates: Sequence[TaxRate]) -> list[int]:
    weights = [int(rate.percentage.scaleb(_PLACES)) for rate in rates]
    hundred = 100 * 10**_PLACES
    whole = share_of(amount_minor, sum(weights), hundred + sum(weights))
    sign = -1 if whole < 0 else 1
    return [sign * part for part in spread(abs(whole), weights)]


def summed(amounts: Iterable[TaxAmount]) -> tuple[TaxAmount, ...]:
    """Return one sum per rate, in the order in which the rates come up."""
    sums: dict[str, TaxAmount] = {}
    for found in amounts:
        former = sums.get(found.rate.id, TaxAmount(found.rate, 0, 0))
        sums[found.rate.id] = TaxAmount(
            found.rate,
            former.taxable_minor + found.taxable_minor,
            former.amount_minor + found.amount_minor,
        )
    return tuple(sums.values())
