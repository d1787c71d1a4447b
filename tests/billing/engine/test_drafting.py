"""Whole invoices: subtotal, discounts, taxes, credit, and what is due."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine.discounting import Discount
from billing.engine.drafting import Draft, Terms, draft
from billing.engine.lines import DraftLine, Item, line_of_period, line_of_trial
from billing.engine.periods import Period, Rhythm
from billing.engine.taxes import Place, TaxRate, TaxTable
from billing.enums import CouponDuration, Interval
from billing.types import InvoiceLineSnapshot, InvoicePreview
from tests.billing.engine import strategies

NOW = datetime(2026, 6, 1, tzinfo=UTC)
JUNE = Period(NOW, datetime(2026, 7, 1, tzinfo=UTC))
NEW_YORK = Place("US", "NY")
SALES_TAX = TaxRate("ny", "Sales tax", Decimal("8.875"), country="US", region="NY")
VAT = TaxRate("vat", "VAT", Decimal(19), is_inclusive=True, country="DE")
FIFTH_OFF = Discount("di_1", CouponDuration.ONCE, NOW, percent_off=Decimal(20))


def line(amount: int) -> DraftLine:
    return DraftLine("A line", 1, amount, period=JUNE, product="pro")


def drafted(*amounts: int, currency: str = "USD", **terms: Any) -> Draft:
    return draft([line(amount) for amount in amounts], Terms(currency, **terms), at=NOW)


def due_and_credit(found: Draft) -> tuple[int, int]:
    return found.amount_due_minor, found.credit_after_minor


class TestLineOfPeriod:
    @pytest.mark.parametrize(
        ("unit", "quantity", "currency", "rhythm", "words", "amount"),
        [
            (
                2900,
                3,
                "USD",
                Rhythm(Interval.MONTH),
                "3 \N{MULTIPLICATION SIGN} Pro (at $29.00 / month)",
                8700,
            ),
            (
                2900,
                2,
                "JPY",
                Rhythm(Interval.YEAR),
                "2 \N{MULTIPLICATION SIGN} Pro (at ¥2,900 / year)",
                5800,
            ),
            (
                12345,
                1,
                "KWD",
                Rhythm(Interval.MONTH, 3),
                "1 \N{MULTIPLICATION SIGN} Pro (at KWD12.345 / 3 months)",
                12345,
            ),
            (
                Decimal("0.5"),
                3,
                "USD",
                Rhythm(Interval.MONTH),
                "3 \N{MULTIPLICATION SIGN} Pro (at $0.01 / month)",
                2,
            ),
        ],
        ids=["cents", "no decimals", "three decimals", "half a cent"],
    )
    def test_it_says_how_many_of_what_at_which_price(
        self,
        unit: int,
        quantity: int,
        currency: str,
        rhythm: Rhythm,
        words: str,
        amount: int,
    ) -> None:
        found = line_of_period(Item("Pro", unit, quantity, currency, rhythm), JUNE)

        assert (found.description, found.amount_minor) == (words, amount)
        assert found.quantity == quantity
        assert found.period == JUNE


class TestLineOfTrial:
    def test_it_costs_nothing(self) -> None:
        found = line_of_trial(Item("Pro", 2900, 3, "USD", Rhythm(Interval.MONTH)), JUNE)

        assert (found.description, found.amount_minor) == ("Trial period for Pro", 0)


class TestTerms:
    def test_credit_is_never_a_debt(self) -> None:
        with pytest.raises(ValueError, match="credit"):
            Terms("USD", credit_minor=-1)


class TestDraft:
    def test_an_invoice_is_its_lines_less_discounts_plus_exclusive_taxes(self) -> None:
        found = drafted(
            10_000, discounts=(FIFTH_OFF,), taxes=TaxTable((SALES_TAX,)), place=NEW_YORK
        )

        assert found.subtotal_minor == 10_000
        assert found.discount_minor == 2000
        assert found.tax_minor == found.added_tax_minor == 710
        assert found.total_minor == found.amount_due_minor == 8710
        assert found.counted_discounts == {"di_1"}

    def test_inclusive_tax_is_named_and_not_added(self) -> None:
        found = drafted(11_900, taxes=TaxTable((VAT,)), place=Place("DE"))

        assert (found.tax_minor, found.added_tax_minor, found.total_minor) == (1900, 0, 11_900)

    def test_tax_is_reckoned_from_what_is_left_after_discounts(self) -> None:
        found = drafted(11_900, discounts=(FIFTH_OFF,), taxes=TaxTable((VAT,)), place=Place("DE"))

        assert (found.total_minor, found.tax_minor) == (9520, 1520)

    def test_who_is_exempt_is_not_taxed(self) -> None:
        found = drafted(1000, taxes=TaxTable((SALES_TAX,)), place=NEW_YORK, is_tax_exempt=True)

        assert (found.taxes, found.total_minor) == ((), 1000)

    def test_credit_pays_first(self) -> None:
        found = drafted(1000, credit_minor=400)

        assert (found.total_minor, found.amount_due_minor, found.credit_after_minor) == (
            1000,
            600,
            0,
        )

    def test_credit_that_is_left_stays(self) -> None:
        found = drafted(1000, credit_minor=1500)

        assert (found.amount_due_minor, found.credit_after_minor) == (0, 500)

    def test_an_invoice_below_nothing_becomes_credit(self) -> None:
        found = drafted(1000, -2500, credit_minor=100)

        assert (found.total_minor, found.amount_due_minor, found.credit_after_minor) == (
            -1500,
            0,
            1600,
        )

    def test_an_invoice_over_nothing_comes_to_nothing(self) -> None:
        found = drafted(discounts=(FIFTH_OFF,))

        assert (found.total_minor, found.amount_due_minor) == (0, 0)
        assert not found.counted_discounts

    @given(
        st.lists(strategies.signed_amounts, max_size=6),
        strategies.discount_lists(),
        strategies.rate_lists(),
        strategies.amounts,
    )
    def test_all_sums_agree_to_the_minor_unit(
        self,
        amounts: list[int],
        discounts: list[Discount],
        rates: tuple[TaxRate, ...],
        credit: int,
    ) -> None:
        found = drafted(
            *amounts,
            discounts=tuple(discounts),
            taxes=TaxTable(rates),
            place=NEW_YORK,
            credit_minor=credit,
        )

        nets = sum(row.net_minor for row in found.lines)
        assert found.subtotal_minor == sum(amounts)
        assert found.total_minor == nets + found.added_tax_minor
        assert found.amount_due_minor >= 0
        assert found.credit_after_minor >= 0
        spent = found.credit_before_minor - found.credit_after_minor
        assert found.amount_due_minor == found.total_minor - spent
        assert found.amount_due_minor == 0 or found.credit_after_minor == 0


class TestAsPreview:
    def test_it_is_what_a_quote_shows(self) -> None:
        found = drafted(
            10_000,
            discounts=(FIFTH_OFF,),
            taxes=TaxTable((SALES_TAX,)),
            place=NEW_YORK,
            credit_minor=10,
        )

        assert found.as_preview() == InvoicePreview(
            currency="USD",
            subtotal_minor=10_000,
            discount_minor=2000,
            tax_minor=710,
            total_minor=8710,
            amount_due_minor=8700,
            lines=(
                InvoiceLineSnapshot(
                    external_id="",
                    description="A line",
                    quantity=1,
                    amount_minor=10_000,
                    discount_minor=2000,
                    period_start=JUNE.start,
                    period_end=JUNE.end,
                ),
            ),
        )

    def test_a_preview_names_the_moment_its_difference_is_reckoned_from(self) -> None:
        proration = DraftLine("Rest", 1, 500, period=JUNE, is_proration=True, is_discountable=False)

        assert draft([proration], Terms("USD"), at=NOW).as_preview().proration_date == NOW


class TestAsLines:
    def test_an_invoices_lines_have_their_ids(self) -> None:
        assert [row.external_id for row in drafted(1, 2).as_lines(["il_1", "il_2"])] == [
            "il_1",
            "il_2",
        ]

    def test_an_id_too_few_is_noticed(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            drafted(1, 2).as_lines(["il_1"])
