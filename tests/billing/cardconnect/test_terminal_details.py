"""Tips, and what a receipt says of a card: out of answers whose forms are not certain."""

import json
from typing import Any

import pytest

from billing.drivers.cardconnect.terminals.receipts import card_of
from billing.drivers.cardconnect.terminals.tipping import tip_of
from billing.types import CardPresent

TAGS = {
    "AID": "A0000000031010",
    "Application Label": "VISA CREDIT",
    "TVR": "8000008000",
    "TSI": "6800",
    "ARC": "00",
    "PIN": "None",
    "Signature": "false",
    "Cardholder": "John Smith",
    "Track2": "4788250000121443",
}
BODY = {
    "token": "9473119164771443",
    "name": "John Smith",
    "account": "9473119164771443",
    "authcode": "909443",
    "entrymode": "EMVContact",
    "emvTagData": json.dumps(TAGS),
    "receiptData": {"nameOnReceipt": "John Smith", "dba": "Shop"},
}


class TestTip:
    @pytest.mark.parametrize(
        "body",
        [
            {"amount": 4900, "tip": 735, "total": 5635},
            {"amount": 4900, "tip": 7.35, "total": 56.35},
            {"amount": 49.0, "tip": 7.35, "total": 56.35},
            {"amount": "49.00", "tip": "7.35", "total": "56.35"},
            {"tip": "735", "total": "5635"},
        ],
        ids=["cents", "mixed", "dollars", "texts", "cents as texts"],
    )
    def test_is_read_in_the_unit_in_which_it_adds_up(self, body: dict[str, Any]) -> None:
        assert tip_of(4900, body) == 735

    @pytest.mark.parametrize(
        "body",
        [
            {"tip": 735, "total": 5636},
            {"tip": 735, "total": 56.35},
            {"tip": -100, "total": 4800},
            {"tip": 0.005, "total": 49.005},
            {"tip": True, "total": 4901},
            {"tip": None, "total": 4900},
            {"tip": "much", "total": "more"},
            {"tip": float("nan"), "total": float("nan")},
            {"tip": 2_147_483_647, "total": 2_147_488_547},
            {},
            [],
            "735",
        ],
        ids=range(12),
    )
    def test_is_not_guessed(self, body: Any) -> None:
        assert tip_of(4900, body) is None

    def test_none_is_one(self) -> None:
        assert tip_of(4900, {"amount": 4900, "tip": 0, "total": 4900}) == 0
        assert tip_of(4900, {"amount": 49.0, "tip": 0.0, "total": 49.0}) == 0


class TestCard:
    def test_has_the_listed_fields_alone(self) -> None:
        card = card_of(BODY)

        assert card == CardPresent(
            brand="visa",
            last4="1443",
            entry_mode="chip",
            verification="none",
            application="VISA CREDIT",
            aid="A0000000031010",
            auth_code="909443",
            emv={"TVR": "8000008000", "TSI": "6800", "ARC": "00"},
        )
        for secret in ("Smith", "9473119164771443", "4788250000121443"):
            assert secret not in repr(card)

    @pytest.mark.parametrize(
        ("word", "mode"),
        [
            ("EMVContact", "chip"),
            ("EMVContactless", "contactless"),
            ("Contactless MSD", "contactless"),
            ("Swipe", "swipe"),
            ("MagStripe", "swipe"),
            ("Keyed", "manual"),
            ("ECommerce", ""),
            ("", ""),
        ],
    )
    def test_says_how_it_was_read(self, word: str, mode: str) -> None:
        assert card_of({"entrymode": word}).entry_mode == mode

    @pytest.mark.parametrize(
        ("tags", "verification"),
        [
            ({"PIN": "Verified by PIN"}, "pin"),
            ({"PIN": "None", "Signature": "true"}, "signature"),
            ({"CVM": "Consumer Device CVM", "PIN": "None"}, "device"),
            ({"PIN": "None", "Signature": "false"}, "none"),
            ({}, ""),
        ],
        ids=["pin", "signature", "device", "none", "nothing"],
    )
    def test_says_how_its_holder_was_verified(
        self, tags: dict[str, str], verification: str
    ) -> None:
        assert card_of({"emvTagData": tags}).verification == verification

    @pytest.mark.parametrize("written", ["{", "[]", "null", 7, None, '"AID"'], ids=range(6))
    def test_tags_that_can_not_be_read_are_none(self, written: Any) -> None:
        assert card_of({"emvTagData": written}) == CardPresent()

    def test_what_is_no_token_tells_nothing(self) -> None:
        assert card_of({"token": "4788250000121443"}) == CardPresent()

    def test_values_that_can_not_be_right_are_left_out(self) -> None:
        tags = {"AID": "A" * 65, "TVR": "<script>", "Application Label": "VISA\nDEBIT"}

        assert card_of({"emvTagData": tags, "lastfour": "12345"}) == CardPresent()
