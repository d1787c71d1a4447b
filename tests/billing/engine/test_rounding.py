"""Shares of whole amounts: rounded once, and never lost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine.rounding import half_up, share_of, spread
from tests.billing.engine import strategies

weights = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=12)


class TestHalfUp:
    @pytest.mark.parametrize(
        ("exact", "rounded"), [("0.5", 1), ("1.5", 2), ("-0.5", -1), ("0.49", 0), ("-2.51", -3)]
    )
    def test_half_a_unit_goes_away_from_zero(self, exact: str, rounded: int) -> None:
        assert half_up(Decimal(exact)) == rounded


class TestShareOf:
    @given(strategies.signed_amounts, st.integers(0, 10**8), st.integers(1, 10**8))
    def test_it_is_what_exact_decimals_say(self, amount: int, part: int, whole: int) -> None:
        doubled_error = 2 * abs(share_of(amount, part, whole) * whole - amount * part)

        assert doubled_error <= whole

    @given(strategies.signed_amounts, st.integers(1, 10**8))
    def test_the_whole_of_an_amount_is_the_amount(self, amount: int, whole: int) -> None:
        assert share_of(amount, whole, whole) == amount


class TestSpread:
    def test_the_largest_remainders_get_what_is_over(self) -> None:
        assert spread(100, [1, 1, 1]) == [34, 33, 33]
        assert spread(5, [10, 19, 11]) == [1, 3, 1]

    @given(strategies.amounts, weights)
    def test_the_parts_sum_to_the_whole(self, whole: int, weights: list[int]) -> None:
        if not sum(weights):
            weights = [1, *weights]

        parts = spread(whole, weights)

        assert sum(parts) == whole
        assert all(not part or weight for part, weight in zip(parts, weights, strict=True))

    @given(weights, st.data())
    def test_nobody_loses_more_than_there_is(self, weights: list[int], data: st.DataObject) -> None:
        whole = data.draw(st.integers(0, sum(weights)))

        parts = spread(whole, weights)

        assert all(part <= weight for part, weight in zip(parts, weights, strict=True))

    def test_nothing_is_spread_over_nobody(self) -> None:
        assert spread(0, []) == []
        assert spread(0, [0, 0]) == [0, 0]

    @pytest.mark.parametrize(("whole", "weights"), [(1, []), (1, [0]), (-1, [1]), (1, [2, -1])])
    def test_what_cannot_be_spread_is_refused(self, whole: int, weights: list[int]) -> None:
        with pytest.raises(ValueError, match="spread"):
            spread(whole, weights)
