"""Cents on their way to the gateway and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.drivers.cardconnect import amounts


class TestToWire:
    @pytest.mark.parametrize(
        ("cents", "text"),
        [(0, "0.00"), (1, "0.01"), (99, "0.99"), (100, "1.00"), (4900, "49.00"), (12345, "123.45")],
    )
    def test_always_has_two_decimals(self, cents: int, text: str) -> None:
        assert amounts.to_wire(cents, "USD") == text

    @pytest.mark.parametrize("currency", ["JPY", "KWD"])
    def test_refuses_currencies_without_two_decimals(self, currency: str) -> None:
        with pytest.raises(amounts.CurrencyNotSupported):
            amounts.to_wire(100, currency)

    def test_never_sends_a_forced_credit(self) -> None:
        with pytest.raises(ValueError, match="forced credit"):
            amounts.to_wire(-1, "USD")

    def test_refuses_what_does_not_fit_its_field(self) -> None:
        assert amounts.to_wire(99_999_999_999_99, "USD") == "99999999999.99"
        with pytest.raises(ValueError, match="longer"):
            amounts.to_wire(100_000_000_000_00, "USD")


class TestFromWire:
    @given(st.integers(min_value=0, max_value=99_999_999_999_99))
    def test_reads_back_what_was_written(self, cents: int) -> None:
        assert amounts.from_wire(amounts.to_wire(cents, "USD")) == cents

    @pytest.mark.parametrize(
        ("text", "cents"), [("1.00", 100), (" 5.5 ", 550), ("7", 700), ("-1.00", -100)]
    )
    def test_reads_decimal_strings(self, text: str, cents: int) -> None:
        assert amounts.from_wire(text) == cents

    @pytest.mark.parametrize(
        "value", [None, "", " ", "x", "1,00", "1.001", "1e3", "NaN", "Infinity", 1.0, 100, True, []]
    )
    def test_does_not_guess(self, value: object) -> None:
        assert amounts.from_wire(value) is None
