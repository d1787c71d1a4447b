"""Coupons on lines: what each takes off, exactly, and when it holds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine.discounting import Discount, end_of, net_of, taken_off
from billing.engine.lines import DraftLine, Item
from billing.engine.periods import Period, Rhythm
from billing.enums import CouponDuration, Interval
from tests.billing.engine import strategies

NOW = datetime(2026, 6, 1, tzinfo=UTC)
JUNE = Period(NOW, datetime(2026, 7, 1, tzinfo=UTC))


def discount(**given_: Any) -> Discount:
    what: dict[str, Any] = {"id": "di_1", "duration": CouponDuration.ONCE, "starts_at": NOW}
    if "percent_off" not in given_ and "amount_off_minor" not in given_:
        what["percent_off"] = Decimal(20)
    if "amount_off_minor" in given_:
        what["currency"] = "USD"
    return Discount(**(what | given_))


def line(amount: int, product: str = "pro", **given_: Any) -> DraftLine:
    return DraftLine("A line", 1, amount, product=product, **given_)


def off(lines: list[DraftLine], *discounts: Discount) -> list[dict[str, int]]:
    return taken_off(lines, discounts, currency="USD", at=NOW)


class TestDiscount:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"percent_off": None},
            {"percent_off": Decimal(10), "amount_off_minor": 5, "currency": "USD"},
            {"percent_off": Decimal(0)},
            {"percent_off": Decimal("100.01")},
            {"amount_off_minor": -5},
            {"amount_off_minor": 5, "currency": ""},
        ],
        ids=["nothing", "both", "0 %", "more than all", "below 0", "no currency"],
    )
    def test_one_that_says_nothing_sensible_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"discount|percentage|amount"):
            discount(**wrong)

    def test_it_holds_from_its_start_up_to_its_end(self) -> None:
        found = discount(ends_at=JUNE.end)

        assert found.runs_at(NOW)
        assert not found.runs_at(JUNE.end)
        assert not found.runs_at(datetime(2026, 5, 31, tzinfo=UTC))


class TestEndOf:
    def test_some_months_end_as_periods_do(self) -> None:
        last_of_january = datetime(2026, 1, 31, tzinfo=UTC)

        found = end_of(CouponDuration.REPEATING, 3, last_of_january)

        assert found == datetime(2026, 4, 30, tzinfo=UTC)

    @pytest.mark.parametrize("duration", [CouponDuration.ONCE, CouponDuration.FOREVER])
    def test_the_others_have_no_end_of_their_own(self, duration: CouponDuration) -> None:
        assert end_of(duration, 0, NOW) is None


class TestTakenOff:
    def test_a_percentage_is_reckoned_from_the_sum_and_spread(self) -> None:
        lines = [line(333), line(333), line(333)]

        assert off(lines, discount(percent_off=Decimal(10))) == [
            {"di_1": 34},
            {"di_1": 33},
            {"di_1": 33},
        ]

    def test_an_amount_takes_off_at_most_what_there_is(self) -> None:
        assert off([line(300)], discount(amount_off_minor=500)) == [{"di_1": 300}]

    def test_half_a_minor_unit_is_the_payers(self) -> None:
        assert off([line(50)], discount(percent_off=Decimal(1))) == [{"di_1": 1}]

    def test_the_next_one_sees_what_is_left(self) -> None:
        first = discount(id="di_1", percent_off=Decimal(50))
        second = discount(id="di_2", percent_off=Decimal(50))

        assert off([line(1000)], first, second) == [{"di_1": 500, "di_2": 250}]

    def test_credits_and_prorations_are_left_alone(self) -> None:
        lines = [line(-500), line(700, is_discountable=False), line(1000)]

        assert off(lines, discount(percent_off=Decimal(10))) == [{}, {}, {"di_1": 100}]

    def test_one_for_some_products_leaves_the_others_alone(self) -> None:
        lines = [line(1000, "basic"), line(1000, "pro")]

        assert off(lines, discount(products=frozenset({"pro"}))) == [{}, {"di_1": 200}]

    def test_one_in_another_currency_takes_off_nothing(self) -> None:
        assert off([line(1000)], discount(amount_off_minor=500, currency="EUR")) == [{}]

    def test_one_that_is_over_takes_off_nothing(self) -> None:
        assert off([line(1000)], discount(ends_at=NOW)) == [{}]

    @given(st.lists(strategies.signed_amounts, max_size=8), strategies.discount_lists(), st.data())
    def test_what_is_left_of_a_line_is_never_below_nothing(
        self, amounts: list[int], discounts: list[Discount], data: st.DataObject
    ) -> None:
        products = data.draw(
            st.lists(
                st.sampled_from(("basic", "pro")), min_size=len(amounts), max_size=len(amounts)
            )
        )
        lines = [line(amount, name) for amount, name in zip(amounts, products, strict=True)]

        found = off(lines, *discounts)

        for drawn, taken in zip(lines, found, strict=True):
            assert 0 <= sum(taken.values()) <= max(drawn.amount_minor, 0)
            assert all(amount > 0 for amount in taken.values())

    @given(st.lists(strategies.amounts, min_size=1, max_size=8), st.integers(1, 10_000))
    def test_a_percentage_of_the_lines_is_the_percentage_of_their_sum(
        self, amounts: list[int], hundredths: int
    ) -> None:
        percent = Decimal(hundredths) / 100
        lines = [line(amount) for amount in amounts]

        found = off(lines, discount(percent_off=percent))

        together = sum(sum(taken.values()) for taken in found)
        assert abs(Decimal(together) - sum(amounts) * percent / 100) <= Decimal("0.5")


class TestNetOf:
    def test_it_is_a_whole_period_after_discounts(self) -> None:
        item = Item("Pro", 1000, 3, "USD", Rhythm(Interval.MONTH), product="pro")
        for_others = discount(id="di_2", products=frozenset({"basic"}))

        assert net_of(item, JUNE, [discount(), for_others], at=NOW) == (2400, frozenset({"di_1"}))
