"""Invoices as they are reckoned: lines, discounts, taxes, the payer's credit, and what is due.

One function makes a quote's preview and the invoice itself, so that they can't differ:

    subtotal  sum of the lines
    total     subtotal - discounts + exclusive taxes
    due       total - credit, at least 0; what is below 0 becomes credit
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from billing.engine.discounting import Discount, taken_off
from billing.engine.lines import DraftLine
from billing.engine.taxes import Place, TaxAmount, TaxRate, TaxService, TaxTable, on_line, summed
from billing.types import InvoiceLineSnapshot, InvoicePreview

NO_TAXES = TaxTable()


@dataclasses.dataclass(frozen=True, slots=True)
class Reckoned:
    """A line with what is taken off it (by discount, in their order) and added to it."""

    line: DraftLine
    discounts: tuple[tuple[str, int], ...] = ()
    taxes: tuple[TaxAmount, ...] = ()

    @property
    def discount_minor(self) -> int:
        """Return what all discounts take off."""
        return sum(amount for _discount, amount in self.discounts)

    @property
    def net_minor(self) -> int:
        """Return what is left of the line after discounts, before exclusive taxes."""
        return self.line.amount_minor - self.discount_minor


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """An invoice with all of its sums, in minor units of `currency`.

    `credit_before_minor` and `credit_after_minor` are what the payer has with us, never below 0.
    """

    currency: str
    lines: tuple[Reckoned, ...]
    credit_before_minor: int = 0

    @property
    def subtotal_minor(self) -> int:
        """Return the sum of the lines before discounts and exclusive taxes."""
        return sum(found.line.amount_minor for found in self.lines)

    @property
    def discount_minor(self) -> int:
        """Return what discounts take off."""
        return sum(found.discount_minor for found in self.lines)

    @property
    def taxes(self) -> tuple[TaxAmount, ...]:
        """Return the sum of each rate."""
        return summed(tax for found in self.lines for tax in found.taxes)

    @property
    def tax_minor(self) -> int:
        """Return all taxes, those that the lines include too."""
        return sum(tax.amount_minor for tax in self.taxes)

    @property
    def added_tax_minor(self) -> int:
        """Return the taxes that come on top of the lines."""
        return sum(tax.amount_minor for tax in self.taxes if not tax.rate.is_inclusive)

    @property
    def total_minor(self) -> int:
        """Return what the invoice comes to; below 0 it is credit."""
        return self.subtotal_minor - self.discount_minor + self.added_tax_minor

    @property
    def amount_due_minor(self) -> int:
        """Return what is to be paid once the payer's credit is used."""
        return max(self.total_minor - self.credit_before_minor, 0)

    @property
    def credit_after_minor(self) -> int:
        """Return the payer's credit once this invoice has used it, or added to it."""
        return self.credit_before_minor - self.total_minor + self.amount_due_minor

    @property
    def counted_discounts(self) -> frozenset[str]:
        """Return the discounts that took something off; one that holds once is used up by it."""
        return frozenset(discount for found in self.lines for discount, _amount in found.discounts)

    def as_preview(self) -> InvoicePreview:
        """Return the draft as a quote shows it."""
        return InvoicePreview(
            currency=self.currency,
            subtotal_minor=self.subtotal_minor,
            discount_minor=self.discount_minor,
            tax_minor=self.tax_minor,
            total_minor=self.total_minor,
            amount_due_minor=self.amount_due_minor,
            lines=self.as_lines(),
        )

    def as_lines(self, ids: Sequence[str] = ()) -> tuple[InvoiceLineSnapshot, ...]:
        """Return the lines as an invoice or a preview shows them; without `ids` they have none."""
        names = ids or [""] * len(self.lines)
        return tuple(
            InvoiceLineSnapshot(
                external_id=name,
                description=found.line.description,
                quantity=found.line.quantity,
                amount_minor=found.line.amount_minor,
                discount_minor=found.discount_minor,
                period_start=found.line.period.start if found.line.period else None,
                period_end=found.line.period.end if found.line.period else None,
                external_price_id=found.line.external_price_id,
                is_proration=found.line.is_proration,
            )
            for name, found in zip(names, self.lines, strict=True)
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a payer's invoices beside their lines.

    `place` is where the payer is taxed, None where that is not known: nothing is taxed then, nor
    where the payer `is_tax_exempt`.
    """

    currency: str
    discounts: tuple[Discount, ...] = ()
    taxes: TaxService = NO_TAXES
    place: Place | None = None
    is_tax_exempt: bool = False
    credit_minor: int = 0

    def __post_init__(self) -> None:
        """Refuse a credit that is a debt.

        Raises:
            ValueError: it is below 0.
        """
        if self.credit_minor < 0:
            raise ValueError(f"credit is never below 0: {self.credit_minor}")


def draft(lines: Sequence[DraftLine], terms: Terms, *, at: datetime) -> Draft:
    """Reckon an invoice over these lines, as of the moment at which they are charged."""
    off = taken_off(lines, terms.discounts, currency=terms.currency, at=at)
    reckoned = []
    for line, taken in zip(lines, off, strict=True):
        net = line.amount_minor - sum(taken.values())
        taxes = () if terms.is_tax_exempt else on_line(net, _rates(terms, line, at))
        reckoned.append(Reckoned(line, tuple(taken.items()), taxes))
    return Draft(terms.currency, tuple(reckoned), terms.credit_minor)


def _rates(terms: Terms, line: DraftLine, at: datetime) -> Sequence[TaxRate]:
    return terms.taxes.rates(place=terms.place, product=line.product, at=at)
