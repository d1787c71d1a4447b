"""Invoice numbers: one form per seller, one count per series, and no gap unseen."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine import numbering
from billing.engine.numbering import NumberForm

MAY = datetime(2026, 5, 1, tzinfo=UTC)
NEW_YEAR_IN_BERLIN = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


class TestNumberForm:
    @pytest.mark.parametrize("prefix", ["", "till", "TILL-A", "TILL 1", "A" * 13])
    def test_a_prefix_that_could_be_mistaken_is_refused(self, prefix: str) -> None:
        with pytest.raises(ValueError, match="prefix"):
            NumberForm(prefix)

    @pytest.mark.parametrize("digits", [0, 13])
    def test_a_number_has_some_digits_and_not_too_many(self, digits: int) -> None:
        with pytest.raises(ValueError, match="digits"):
            NumberForm("TILL", digits)


class TestSeriesOf:
    def test_a_count_that_never_restarts_has_the_name_of_its_prefix(self) -> None:
        assert numbering.series_of(NumberForm("TILL"), MAY) == "TILL"

    def test_the_year_is_the_one_of_the_sellers_calendar(self) -> None:
        in_utc = NumberForm("TILL", restarts="yearly")
        in_berlin = NumberForm("TILL", restarts="yearly", zone="Europe/Berlin")

        assert numbering.series_of(in_utc, NEW_YEAR_IN_BERLIN) == "TILL-2026"
        assert numbering.series_of(in_berlin, NEW_YEAR_IN_BERLIN) == "TILL-2027"


class TestNumber:
    @pytest.mark.parametrize(
        ("form", "count", "text"),
        [
            (NumberForm("TILL"), 42, "TILL-000042"),
            (NumberForm("TILL", restarts="yearly"), 42, "TILL-2026-000042"),
            (NumberForm("CN", 2), 123, "CN-123"),
        ],
        ids=["plain", "with a year", "outgrown"],
    )
    def test_it_is_written_in_the_sellers_form(
        self, form: NumberForm, count: int, text: str
    ) -> None:
        assert numbering.number(form, MAY, count) == text

    def test_numbers_begin_at_one(self) -> None:
        with pytest.raises(ValueError, match="begin at 1"):
            numbering.number(NumberForm("TILL"), MAY, 0)


class TestCountOf:
    @given(
        st.sampled_from([NumberForm("TILL"), NumberForm("A1", 3, restarts="yearly")]),
        st.integers(min_value=1, max_value=10**9),
    )
    def test_it_reads_what_was_written(self, form: NumberForm, count: int) -> None:
        text = numbering.number(form, MAY, count)

        assert numbering.count_of(text) == (numbering.series_of(form, MAY), count)

    @pytest.mark.parametrize("text", ["", "42", "-42", "TILL-", "TILL-0", "TILL-x", "TILL-٣"])
    def test_what_is_no_number_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not an invoice number"):
            numbering.count_of(text)


class TestMissing:
    def test_counts_without_a_gap_miss_nothing(self) -> None:
        assert numbering.missing(["TILL-2", "TILL-1", "B-1"]) == {}

    def test_gaps_are_named_by_series(self) -> None:
        found = numbering.missing(["A-1", "A-4", "B-2", "C-1"])

        assert found == {"A": [2, 3], "B": [1]}

    def test_no_numbers_miss_nothing(self) -> None:
        assert numbering.missing([]) == {}
