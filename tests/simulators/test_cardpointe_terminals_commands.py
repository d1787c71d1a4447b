"""What readers of the terminal service do besides payments, and what they refuse."""

import json
from typing import Any

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import CLOVER, ENOUGH, Till, error


@pytest.fixture
def clover(gateway: CardPointeSimulator) -> Till:
    """A till at a Clover."""
    gateway.put_reader(CLOVER, device_type="Mini 2", name="Bar")
    return Till(gateway, CLOVER)


class TestReaderRefuses:
    def test_in_merchant_mode_all_but_ping(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.merchant_mode(HSN)

        told = (500, 9, f"hsn: {HSN} is currently in merchant mode")
        assert error(till.sell()) == told
        assert error(gateway.terminal("connect", hsn=HSN)) == told
        assert till.call("ping").json()["connected"] is True
        gateway.merchant_mode(HSN, is_on=False)
        gateway.script(HSN, "approve")
        assert till.sell().status_code == 200

    @pytest.mark.parametrize("endpoint", ["connect", "display", "authCard", "tip", "readCard"])
    def test_when_it_is_not_connected(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str
    ) -> None:
        gateway.plug(HSN, is_plugged=False)

        answer = till.call(endpoint, ENOUGH.get(endpoint))

        assert error(answer) == (500, 6, f"Terminal {HSN} is not connected")

    def test_what_it_cannot_sign(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader("SMALL", device_type="ICT220")
        small = Till(gateway, "SMALL")

        assert error(small.call("authCard", {"amount": 100}))[:2] == (500, 700)

    def test_debit_cards_of_merchants_without_them(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)

        text = f"PIN Debit not supported for merchantId {FNOR_MID}"
        assert error(till.sell(aid="debit")) == (500, 400, text)
        gateway.put_merchant(merchid=FNOR_MID, pin_debit=True)
        assert till.sell(aid="debit").json()["respstat"] == "A"

    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [("readManual", {}), ("authManual", {"amount": 1, "includeCVV": True})],
    )
    def test_what_a_clover_does_not_let_type(
        self, clover: Till, endpoint: str, body: dict[str, Any]
    ) -> None:
        assert error(clover.call(endpoint, body))[:2] == (400, 3)

    def test_printing_without_paper_after_the_payment(
        self, gateway: CardPointeSimulator, clover: Till
    ) -> None:
        gateway.script(CLOVER, "approve", default=True)
        gateway.put_reader(CLOVER, paper=False)

        answer = clover.sell(printReceipt=True)

        assert error(answer)[:2] == (500, 800)
        assert answer.json()["receiptData"]["dba"]
        assert len(gateway.transactions(respstat="A")) == 1
        assert error(clover.call("printReceipt", {"orderId": "KQWZBTRNLMXCVFGHJD"}))[1] == 800
        gateway.put_reader(CLOVER, paper=True)
        printed = clover.call("printReceipt", {"orderId": "KQWZBTRNLMXCVFGHJD"})
        assert printed.json()["receiptData"]["dateTime"].startswith("2026")
        assert error(clover.call("printReceipt", {"orderId": "NONE"}))[:2] == (400, 3)


class TestCommands:
    def test_the_display(self, gateway: CardPointeSimulator, till: Till) -> None:
        assert till.call("display", {"text": "Hello\nAda"}).content == b""
        assert gateway.display(HSN) == "Hello\nAda"
        till.call("display")
        assert gateway.display(HSN) == ""
        till.call("display", {"text": "Bye"})
        till.call("clearDisplay")
        assert gateway.display(HSN) == ""

    def test_the_clock(self, gateway: CardPointeSimulator, till: Till) -> None:
        till.call("dateTime", {"dateTime": "2026-03-02T10:51:07.165"})

        assert gateway.reader(HSN)["clock"] == "2026-03-02T10:51:07.165"

    def test_ping_takes_a_while_to_find_nobody(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.plug(HSN, is_plugged=False)
        gateway.stop_clock()
        asked = till.start("ping")

        gateway.advance(14)
        assert not asked.done()
        gateway.advance(1)

        assert asked.result().json()["connected"] is False

    def test_cancel_of_nothing_is_nothing(self, till: Till) -> None:
        assert till.call("cancel").content == b""

    @pytest.mark.parametrize("answer", [True, False])
    def test_a_confirmation(self, gateway: CardPointeSimulator, till: Till, answer: Any) -> None:
        asked = till.start("readConfirmation", prompt="Agreed?")
        assert gateway.display(HSN) == "Agreed?"

        gateway.act(HSN, confirm=answer)

        assert asked.result().json()["confirmed"] is answer

    def test_an_input_that_fits(self, gateway: CardPointeSimulator, till: Till) -> None:
        asked = till.start("readInput", prompt="Post code?", format="N5", minLength=5, maxLength=5)

        gateway.act(HSN, input="123")
        gateway.act(HSN, input="12345")

        assert asked.result().json()["input"] == "12345"

    def test_a_signature(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve")

        assert till.call("readSignature", {"prompt": "Sign"}).json()["signature"]

    def test_a_tip(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve", tip=150)

        told = till.call("tip", {"amount": 1000, "prompt": "Tip?"}).json()

        assert (told["amount"], told["tip"], told["total"]) == (1000, 150, 1150)

    def test_a_tip_as_it_is_shown_elsewhere(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.settings(terminal_tips_in="dollars")
        gateway.script(HSN, "approve", tip=6)

        told = till.call("tip", {"amount": 100, "prompt": "Tip?"}).json()

        assert (told["amount"], told["tip"], told["total"]) == (100, 0.06, 1.06)

    @pytest.mark.parametrize(("present", "single_use"), [("chip", False), ("contactless", True)])
    def test_a_card_without_a_payment(
        self, gateway: CardPointeSimulator, till: Till, present: str, single_use: Any
    ) -> None:
        gateway.script(HSN, present=present)

        told = till.call("readCard", {"amount": 100}).json()

        assert told["singleUseToken"] is single_use
        assert ("name" in told) is not single_use
        assert gateway.transactions() == []
        later = {"account": told["token"], "expiry": told["expiry"], "amount": "1.00"}
        assert gateway.call("auth", later)["respstat"] == "A"

    def test_a_number_that_is_typed(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve", default=True)

        assert till.call("readManual").json()["token"].startswith("947")
        sold = till.call("authManual", {"amount": 100, "includeSignature": False}).json()
        assert (sold["entrymode"], "emvTagData" in sold) == ("Keyed", False)

    @pytest.mark.parametrize(
        "endpoint", ["readConfirmation", "readInput", "readSignature", "readCard", "tip"]
    )
    def test_questions_end_as_payments_do(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str
    ) -> None:
        gateway.stop_clock()
        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        till.call("cancel")
        assert error(asked.result()) == (500, 8, "Command Cancelled")

        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        gateway.act(HSN, cancel=True)
        assert error(asked.result()) == (500, 8, "Operation Cancelled")

        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        gateway.advance(119)
        assert error(asked.result()) == (500, 1, "Terminal request timed out")


class TestScripts:
    @pytest.mark.parametrize(
        "script",
        [
            {"outcome": "explode"},
            {"outcome": "decline"},
            {"outcome": "decline", "code": "00"},
            {"outcome": "decline", "code": "nope"},
            {"outcome": "approve", "colour": "red"},
            {"outcome": "approve", "present": "cheque"},
            {"steps": [{"dance": True}]},
            {"steps": [{"present": "chip", "colour": "red"}]},
            {"steps": [{"present": "chip", "gateway": "gone"}]},
            {"steps": [{"present": "chip", "pan": "4539578763621486"}]},
            {"outcome": "approve", "pan": "4539578763621486"},
            {"steps": [], "outcome": "approve"},
        ],
        ids=lambda value: json.dumps(value)[:50],
    )
    def test_that_nobody_could_act_out_are_refused(
        self, gateway: CardPointeSimulator, script: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="400"):
            gateway.script(HSN, **script)
        with pytest.raises(ValueError, match="there is no reader"):
            gateway.script("NOBODY", "approve")

    def test_are_used_up_in_turn_and_then_the_default_holds(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)
        gateway.script(HSN, "decline", code="05")
        gateway.script(HSN, "decline", code="51")

        assert [till.sell().json()["respcode"] for _ in range(4)] == ["05", "51", "00", "00"]
