from decimal import Decimal
from typing import Any

import pytest

from billing.money import Money, as_decimal, discount_of, exponent, percent_text


class TestMoney:
    @pytest.mark.parametrize("amount", [29.0, "2900", True, None])
    def test_refuses_what_is_no_integer(self, amount: Any) -> None:
        with pytest.raises(TypeError):
            Money(amount, "USD")

    @pytest.mark.parametrize("currency", ["usd", "US", "USDT", "U$D", ""])
    def test_refuses_what_is_no_currency_code(self, currency: str) -> None:
        with pytest.raises(ValueError, match="not a currency code"):
            Money(2900, currency)

    def test_is_the_same_money_when_amount_and_currency_are(self) -> None:
        assert Money(2900, "USD") == Money(2900, "USD")
        assert Money(2900, "USD") != Money(2900, "EUR")

    @pytest.mark.parametrize(
        ("money", "shown"),
        [
            (Money(2900, "USD"), "$29.00"),
            (Money(0, "USD"), "$0.00"),
            (Money(-150, "USD"), "-$1.50"),
            (Money(2900, "JPY"), "¥2,900"),
            (Money(1234567, "EUR"), "€12,345.67"),
        ],
    )
    def test_is_shown_as_people_read_it(self, money: Money, shown: str) -> None:
        assert money.display() == shown

    def test_is_shown_in_the_reader_s_language(self) -> None:
        assert Money(123456, "EUR").display("de_DE") == "1.234,56\xa0€"


class TestExponent:
    @pytest.mark.parametrize(
        ("currency", "places"),
        [("USD", 2), ("usd", 2), ("JPY", 0), ("KWD", 3), ("ISK", 2), ("UGX", 2)],
    )
    def test_knows_how_many_decimals_the_minor_unit_has(self, currency: str, places: int) -> None:
        assert exponent(currency) == places


class TestAsDecimal:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            (2900, "USD", "29.00"),
            (5, "USD", "0.05"),
            (0, "USD", "0.00"),
            (-5, "USD", "-0.05"),
            (2900, "JPY", "2900"),
            (1234, "KWD", "1.234"),
            (9_007_199_254_740_993, "USD", "90071992547409.93"),
        ],
    )
    def test_never_loses_a_cent(self, amount: int, currency: str, text: str) -> None:
        assert as_decimal(amount, currency) == text


class TestDiscountOf:
    @pytest.mark.parametrize(
        ("amount", "percent", "off"),
        [
            (2900, "20", 580),
            (1999, "99", 1979),
            (2900, "33.33", 967),
            (1, "50", 1),
            (3, "50", 2),
            (10, "4.99", 0),
            (10, "5", 1),
            (2900, "100", 2900),
            (0, "50", 0),
            (9_007_199_254_740_993, "100", 9_007_199_254_740_993),
        ],
    )
    def test_rounds_what_is_taken_off_halves_upwards(
        self, amount: int, percent: str, off: int
    ) -> None:
        assert discount_of(amount, percent_off=percent) == off

    @pytest.mark.parametrize(("amount", "off"), [(2900, 500), (500, 500), (499, 499), (0, 0)])
    def test_of_an_amount_is_never_more_than_there_is(self, amount: int, off: int) -> None:
        assert discount_of(amount, amount_off_minor=500) == off


class TestPercentText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [(Decimal("20.00"), "20"), (Decimal("12.50"), "12.5"), (100, "100"), (33.33, "33.33")],
    )
    def test_says_no_zeros_that_mean_nothing(self, value: Decimal | float, text: str) -> None:
        assert percent_text(value) == text
