"""What an answer means."""

from typing import Any

import pytest

from billing.drivers.cardconnect.outcome import (
    RETRY_HEADER,
    Answer,
    Verdict,
    classify,
    code_of,
    is_absent,
)

APPROVAL = {
    "respstat": "A",
    "respcode": "00",
    "respproc": "FNOR",
    "resptext": "Approval",
    "retref": "363652261392",
    "amount": "49.00",
}
DECLINE = {
    "respstat": "C",
    "respcode": "NU",
    "respproc": "FNOR",
    "retref": "005533134378",
    "amount": "0.00",
}


def verdict(body: Any, *, status: int | None = 200, asked: int = 4900) -> Verdict:
    return classify(asked, Answer(status, {}, body))


class TestApprovals:
    def test_the_amount_that_was_asked(self) -> None:
        assert verdict(APPROVAL) is Verdict.APPROVED

    def test_less_is_partial_although_it_says_approved(self) -> None:
        assert verdict(APPROVAL | {"amount": "5.00"}) is Verdict.PARTIAL

    def test_more_is_a_surcharge(self) -> None:
        assert verdict(APPROVAL | {"amount": "50.47"}) is Verdict.SURCHARGED

    @pytest.mark.parametrize(
        "change",
        [
            {"retref": ""},
            {"retref": " "},
            {"retref": None},
            {"amount": None},
            {"amount": 49.0},
            {"amount": "x"},
            {"respcode": "ZZ"},
            {"respcode": "05"},  # a code of a decline under the status of an approval
            {"respproc": "PPS", "respcode": "09"},
            {"respproc": None},
        ],
    )
    def test_one_that_can_not_be_read_for_certain_is_unknown(self, change: dict[str, Any]) -> None:
        assert verdict(APPROVAL | change) is Verdict.UNKNOWN

    def test_names_and_order_of_other_fields_mean_nothing(self) -> None:
        noisy = {"dummyField7": "x", "list": [1], **dict(reversed(APPROVAL.items())), "o": {"a": 1}}

        assert verdict(noisy) is Verdict.APPROVED


class TestDeclines:
    def test_a_decline(self) -> None:
        assert verdict(DECLINE) is Verdict.DECLINED

    def test_the_processor_may_go_by_its_other_name(self) -> None:
        body = {**DECLINE, "respproc": None, "cardproc": "FNOR"}

        assert code_of(body) == ("FNOR", "NU")
        assert verdict(body) is Verdict.DECLINED

    def test_one_that_is_on_no_list_is_still_a_decline(self) -> None:
        assert verdict(DECLINE | {"respcode": "Q9"}) is Verdict.DECLINED

    @pytest.mark.parametrize(
        ("processor", "code"),
        [
            ("PPS", "36"),
            ("PPS", "63"),
            ("PPS", "65"),
            ("PPS", "66"),
            ("FNOR", "94"),
            ("NASH", "94"),
            ("RPCT", "385"),
            ("RPCT", "913"),
            ("RPCT", "923"),
            ("PMT", "234"),
        ],
    )
    def test_a_lost_answer_or_a_duplicate_is_unknown(self, processor: str, code: str) -> None:
        body = DECLINE | {"respproc": processor, "respcode": code}

        assert verdict(body) is Verdict.UNKNOWN


class TestEverythingElse:
    @pytest.mark.parametrize("code", ["62", "61", "106"])
    def test_retry_is_never_taken_by_its_word(self, code: str) -> None:
        body = {**DECLINE, "respstat": "B", "respproc": "PPS", "respcode": code}

        assert verdict(body) is Verdict.UNKNOWN

    @pytest.mark.parametrize("body", [None, [], [APPROVAL], "Null batches", {}, {"respstat": "Z"}])
    def test_an_answer_of_another_shape_is_unknown(self, body: Any) -> None:
        assert verdict(body) is Verdict.UNKNOWN

    @pytest.mark.parametrize("status", [None, 301, 302, 405, 408, 409, 500, 502, 503])
    def test_no_usable_answer_is_unknown(self, status: int | None) -> None:
        assert verdict(None, status=status) is Verdict.UNKNOWN
        assert verdict(APPROVAL, status=status) is Verdict.UNKNOWN

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_what_was_not_processed_is_ours_to_repair(self, status: int) -> None:
        assert verdict(None, status=status) is Verdict.CONFIG

    def test_the_limiter_says_when_to_come_back(self) -> None:
        limited = Answer(429, {RETRY_HEADER: "12"}, None)

        assert classify(4900, limited) is Verdict.THROTTLED

    def test_another_429_may_come_after_the_charge(self) -> None:
        assert verdict(None, status=429) is Verdict.UNKNOWN


class TestIsAbsent:
    def test_only_one_code_says_that_there_is_none(self) -> None:
        assert is_absent({"respproc": "PPS", "respcode": "29", "respstat": "C"})
        assert not is_absent(DECLINE)
        assert not is_absent({"respproc": "FNOR", "respcode": "29", "respstat": "C"})


def test_an_answer_is_never_printed() -> None:
    assert "363652261392" not in repr(Answer(200, {"set-cookie": "x"}, APPROVAL))
