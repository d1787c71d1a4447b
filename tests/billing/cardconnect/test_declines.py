"""What a refusal means for the next try."""

from datetime import timedelta

import pytest

from billing.drivers.cardconnect.codes import status_of
from billing.drivers.cardconnect.decline_table import GROUP_OF, WORD_OF, Group
from billing.drivers.cardconnect.declines import Brand, brand_of, explain
from billing.engine.rails import DeclineKind


def refusal(key: str, **more: str) -> dict[str, str]:
    processor, _, code = key.partition(":")
    return {"respproc": processor, "respcode": code, **more}


class TestTable:
    def test_every_code_is_one_that_the_gateway_knows_as_a_refusal(self) -> None:
        allowed = {("PPS", "26"): "A"}

        assert {
            key for key in GROUP_OF | WORD_OF if status_of(*key) not in {"B", "C", allowed.get(key)}
        } == set()

    def test_no_code_is_in_two_groups(self) -> None:
        from billing.drivers.cardconnect import decline_table  # noqa: PLC0415 - its private half

        for groups in decline_table._GROUPS.values():
            listed = [code for some in groups.values() for code in some.split()]
            assert len(listed) == len(set(listed))

    @pytest.mark.parametrize(
        ("key", "kind", "word"),
        [
            ("FNOR:NU", DeclineKind.SOFT, "insufficient_funds"),
            ("FNOR:05", DeclineKind.SOFT, "do_not_honor"),
            ("FNOR:01", DeclineKind.SOFT, "call_issuer"),
            ("FNOR:54", DeclineKind.FIX_DATA, "expired_card"),
            ("FNOR:C2", DeclineKind.FIX_DATA, "incorrect_cvc"),
            ("FNOR:N3", DeclineKind.HARD, "incorrect_number"),
            ("FNOR:91", DeclineKind.TRANSIENT, "processing_error"),
            ("RPCT:100", DeclineKind.SOFT, "do_not_honor"),
            ("RPCT:116", DeclineKind.SOFT, "insufficient_funds"),
            ("RPCT:209", DeclineKind.HARD, "stolen_card"),
            ("RPCT:511", DeclineKind.FIX_DATA, "expired_card"),
            ("RPCT:790", DeclineKind.HARD, "generic_decline"),
            ("RPCT:791", DeclineKind.STOP, "stop_payment_order"),
            ("PPS:62", DeclineKind.TRANSIENT, "processing_error"),
            ("NASH:NU", DeclineKind.SOFT, "insufficient_funds"),
            ("VPS:43", DeclineKind.HARD, "stolen_card"),
        ],
    )
    def test_examples(self, key: str, kind: DeclineKind, word: str) -> None:
        decline = explain(refusal(key), "")

        assert (decline.kind, decline.word, decline.is_ours) == (kind, word, False)

    @pytest.mark.parametrize("key", ["PPS:21", "PPS:97", "FNOR:03", "RPCT:109", "RPCT:813"])
    def test_our_own_mistakes_are_nobodys_decline(self, key: str) -> None:
        assert explain(refusal(key), "visa").is_ours

    def test_what_nobody_explains_is_soft(self) -> None:
        decline = explain(refusal("RPCT:999"), "visa")

        assert (decline.group, decline.word) == (Group.SOFT, "generic_decline")


class TestPrecedence:
    def test_the_category_goes_before_the_code(self) -> None:
        assert explain(refusal("FNOR:05", declineCategory="1"), "visa").kind is DeclineKind.HARD
        assert explain(refusal("FNOR:N3", declineCategory="2"), "visa").kind is DeclineKind.SOFT
        assert explain(refusal("FNOR:05", declineCategory="3"), "visa").kind is DeclineKind.FIX_DATA

    def test_the_brands_advice_goes_before_the_category(self) -> None:
        body = refusal("FNOR:05", declineCategory="1", merchAdviceCode="24")

        decline = explain(body, "mastercard")

        assert (decline.kind, decline.wait) == (DeclineKind.SOFT, timedelta(hours=1))

    def test_advice_of_no_brand_and_unknown_advice_are_passed_over(self) -> None:
        body = refusal("FNOR:05", declineCategory="1", merchAdviceCode="24")

        assert explain(body, "").kind is DeclineKind.HARD
        assert explain(body | {"merchAdviceCode": "99"}, "mastercard").kind is DeclineKind.HARD
        assert explain(refusal("FNOR:05", declineCategory="9"), "visa").kind is DeclineKind.SOFT

    @pytest.mark.parametrize(
        ("advice", "brand", "kind"),
        [
            ("01", "mastercard", DeclineKind.FIX_DATA),
            ("02", "mastercard", DeclineKind.SOFT),
            ("02", "visa", DeclineKind.STOP),
            ("03", "mastercard", DeclineKind.HARD),
            ("03", "visa", DeclineKind.STOP),
            ("21", "mastercard", DeclineKind.STOP),
            ("R0", "visa", DeclineKind.STOP),
            ("R0", "mastercard", DeclineKind.SOFT),
        ],
    )
    def test_brands_mean_other_things_by_the_same_number(
        self, advice: str, brand: Brand, kind: DeclineKind
    ) -> None:
        assert explain(refusal("FNOR:05", merchAdviceCode=advice), brand).kind is kind

    @pytest.mark.parametrize(
        ("advice", "wait"),
        [
            ("02", timedelta(days=3)),
            ("24", timedelta(hours=1)),
            ("25", timedelta(days=1)),
            ("26", timedelta(days=2)),
            ("27", timedelta(days=4)),
            ("28", timedelta(days=6)),
            ("29", timedelta(days=8)),
            ("30", timedelta(days=10)),
        ],
    )
    def test_the_waits_of_mastercard(self, advice: str, wait: timedelta) -> None:
        assert explain(refusal("RPCT:100", merchAdviceCode=advice), "mastercard").wait == wait


class TestBrandOf:
    @pytest.mark.parametrize(
        ("token", "brand"),
        [
            ("9418594164541111", "visa"),
            ("9545454164545454", "mastercard"),
            ("9222394164545454", "mastercard"),
            ("9371449635398431", "amex"),
            ("9601100099550000", "discover"),
            ("9364389999600016", "diners"),
            ("9352800000000007", "jcb"),
            ("9", ""),
            ("", ""),
        ],
    )
    def test_tells_it_by_the_digits_of_the_card(self, token: str, brand: Brand) -> None:
        assert brand_of(token) == brand
