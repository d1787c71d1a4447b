"""Tax rates by region, and what they come to on a line."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from billing.engine.taxes import Place, TaxRate, TaxTable, on_line, summed
from tests.billing.engine import strategies

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GERMAN = TaxRate("de", "VAT", Decimal(19), is_inclusive=True, country="DE")
CANADIAN = TaxRate("gst", "GST", Decimal(5), country="CA")
GST_OF_QUEBEC = TaxRate("gst-qc", "GST", Decimal(5), country="CA", region="QC")
QST = TaxRate("qst", "QST", Decimal("9.975"), country="CA", region="QC")
TABLE = TaxTable((GERMAN, CANADIAN, GST_OF_QUEBEC, QST))


def amounts(amount: int, *rates: TaxRate) -> list[int]:
    return [found.amount_minor for found in on_line(amount, rates)]


def rate(percentage: str, **given_: Any) -> TaxRate:
    return TaxRate(f"txr_{percentage}", "Tax", Decimal(percentage), **given_)


class TestTaxRate:
    @pytest.mark.parametrize("percentage", ["-1", "100.5", "9.97501"])
    def test_what_is_no_rate_is_refused(self, percentage: str) -> None:
        with pytest.raises(ValueError, match="tax rate"):
            rate(percentage)


class TestRatesOfATable:
    def found(self, place: Place | None, product: str = "pro", at: datetime = NOW) -> list[str]:
        return [rate.id for rate in TABLE.rates(place=place, product=product, at=at)]

    def test_a_country_has_its_rates(self) -> None:
        assert self.found(Place("DE")) == ["de"]

    def test_those_of_a_region_replace_its_countrys_and_add_up(self) -> None:
        assert self.found(Place("CA", "QC")) == ["gst-qc", "qst"]

    def test_a_region_without_any_has_its_countrys(self) -> None:
        assert self.found(Place("CA", "AB")) == ["gst"]

    def test_nowhere_and_elsewhere_nothing_is_taxed(self) -> None:
        assert self.found(None) == []
        assert self.found(Place("NZ")) == []

    def test_a_rate_holds_for_its_time_and_its_products(self) -> None:
        lowered = rate("16", valid_from=NOW, valid_until=datetime(2027, 1, 1, tzinfo=UTC))
        books = rate("7", products=frozenset({"books"}))

        assert lowered.holds(product="pro", at=NOW)
        assert not lowered.holds(product="pro", at=datetime(2027, 1, 1, tzinfo=UTC))
        assert not lowered.holds(product="pro", at=datetime(2026, 5, 31, tzinfo=UTC))
        assert books.holds(product="books", at=NOW)
        assert not books.holds(product="pro", at=NOW)


class TestOnLine:
    def test_an_exclusive_rate_is_added(self) -> None:
        (found,) = on_line(1000, [CANADIAN])

        assert (found.taxable_minor, found.amount_minor) == (1000, 50)

    def test_an_inclusive_rate_is_taken_out(self) -> None:
        (found,) = on_line(1190, [GERMAN])

        assert (found.taxable_minor, found.amount_minor) == (1000, 190)

    def test_each_exclusive_rate_is_rounded_on_its_own(self) -> None:
        assert amounts(1999, GST_OF_QUEBEC, QST) == [100, 199]

    def test_inclusive_rates_are_rounded_together_and_spread(self) -> None:
        first, second = rate("5", is_inclusive=True), rate("7", is_inclusive=True)

        assert amounts(1000, first, second) == [45, 62]  # 107.14 of 1000, 5 : 7

    def test_an_exclusive_rate_is_not_reckoned_from_inclusive_tax(self) -> None:
        assert amounts(1190, GERMAN, rate("10")) == [190, 100]

    def test_half_a_minor_unit_is_rounded_up(self) -> None:
        assert amounts(10, rate("5")) == [1]
        assert amounts(-10, rate("5")) == [-1]

    def test_no_rates_no_taxes(self) -> None:
        assert on_line(1000, []) == ()

    @given(strategies.amounts, strategies.rate_lists())
    def test_a_credit_takes_back_what_was_taxed(
        self, amount: int, rates: tuple[TaxRate, ...]
    ) -> None:
        assert amounts(-amount, *rates) == [-found for found in amounts(amount, *rates)]

    @given(strategies.signed_amounts, strategies.rate_lists())
    def test_net_and_inclusive_taxes_are_the_price(
        self, amount: int, rates: tuple[TaxRate, ...]
    ) -> None:
        found = on_line(amount, rates)

        inside = sum(tax.amount_minor for tax in found if tax.rate.is_inclusive)
        assert all(tax.taxable_minor + inside == amount for tax in found)


class TestSummed:
    def test_it_has_one_sum_per_rate(self) -> None:
        found = summed([*on_line(1000, [QST, CANADIAN]), *on_line(500, [CANADIAN])])

        assert [(tax.rate.id, tax.taxable_minor, tax.amount_minor) for tax in found] == [
            ("qst", 1000, 100),
            ("gst", 1500, 75),
        ]
