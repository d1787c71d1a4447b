"""The closed list of codes."""

from collections import Counter

import pytest

from billing.drivers.cardconnect import codes


class TestTable:
    def test_holds_all_documented_codes(self) -> None:
        known = codes.table()

        assert len(known) == 807
        assert Counter(known.values()) == {"A": 71, "B": 45, "C": 691}
        assert len({processor for processor, _ in known}) == 17

    def test_a_code_means_something_only_with_its_processor(self) -> None:
        assert codes.status_of("PMT", "100") == "A"
        assert codes.status_of("RPCT", "100") == "C"
        assert codes.status_of("PMT", "000") == "B"
        assert codes.status_of("RPCT", "000") == "A"

    def test_knows_no_others(self) -> None:
        assert codes.status_of("FNOR", "ZZ") is None
        assert codes.status_of("XXXX", "00") is None


class TestApprovesPayment:
    @pytest.mark.parametrize(
        ("processor", "code"),
        [("FNOR", "00"), ("FNOR", "10"), ("RPCT", "000"), ("RPCT", "785"), ("PMT", "110")],
    )
    def test_approvals(self, processor: str, code: str) -> None:
        assert codes.approves_payment(processor, code)

    @pytest.mark.parametrize(
        ("processor", "code"),
        [
            ("PPS", "08"),  # a profile was deleted
            ("PPS", "09"),  # a profile was saved
            ("PPS", "26"),  # settled already
            ("FNOR", "76"),  # reversed
            ("AMEX", "400"),  # reversed
            ("RPCT", "701"),  # a terminal's keys
            ("RPCT", "100"),
            ("FNOR", "28"),
            ("FNOR", "ZZ"),
            ("", "00"),
        ],
    )
    def test_nothing_else_is_one(self, processor: str, code: str) -> None:
        assert not codes.approves_payment(processor, code)
