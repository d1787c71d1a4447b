"""Payments at a reader that end otherwise: without money, or too late to end without it."""

from typing import Any

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import CANCELLED, TAKEN, Till, error, stored


class TestEndsWithoutMoney:
    @pytest.mark.parametrize(
        ("script", "told"),
        [
            ({"outcome": "cancel_at_terminal"}, (500, 8, "Operation Cancelled")),
            ({"steps": [{"confirm_amount": False}]}, (500, 8, "Operation Cancelled")),
            (
                {"steps": [{"present": "chip"}, {"pin": "cancel"}]},
                (500, 8, "Operation Cancelled"),
            ),
            ({"outcome": "unplug_before_auth"}, (500, 6, f"Terminal {HSN} is not connected")),
            ({"outcome": "error", "code": 624, "text": "Error"}, (500, 624, "Error")),
        ],
        ids=["customer", "amount", "pin", "unplugged", "error"],
    )
    def test_what_happens_before_the_card(
        self, gateway: CardPointeSimulator, till: Till, script: Any, told: Any
    ) -> None:
        gateway.script(HSN, **script)

        answer = till.sell()

        assert error(answer) == told
        assert "authResponse" not in answer.json()
        assert stored(gateway) == []
        assert gateway.reader(HSN)["plugged"] is (script.get("outcome") != "unplug_before_auth")

    def test_nobody_comes(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.stop_clock()
        asked = till.start()

        gateway.advance(118)
        assert not asked.done()
        gateway.advance(1)

        assert error(asked.result()) == (500, 1, "Terminal request timed out")
        assert stored(gateway) == []

    def test_the_till_cancels(self, gateway: CardPointeSimulator, till: Till) -> None:
        asked = till.start()

        answer = till.call("cancel")

        assert (answer.status_code, answer.content) == (200, b"")
        assert error(asked.result()) == CANCELLED
        assert stored(gateway) == []
        assert gateway.reader(HSN)["state"] == "idle"

    def test_another_session_takes_the_reader_by_force(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()

        other = gateway.connect_reader(HSN, force=True)

        assert error(asked.result()) == CANCELLED
        assert till.sell().json()["errorMessage"] == f"Session key for hsn {HSN} was not valid"
        assert gateway.terminal("ping", hsn=HSN, session=other).json()["connected"] is True

    def test_the_plug_is_pulled_while_a_person_is_waited_for(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()

        gateway.plug(HSN, is_plugged=False)

        assert error(asked.result()) == (500, 6, f"Terminal {HSN} is not connected")
        assert error(till.sell()) == (500, 6, f"Terminal {HSN} is not connected")


class TestEndsTooLate:
    @pytest.mark.parametrize(
        ("outcome", "told"),
        [
            ("unplug_after_auth", (500, 1, "Terminal request timed out")),
            ("late_cancel", (500, 8, "Authorization Cancelled")),
        ],
    )
    def test_the_money_is_taken_and_the_answer_says_so(
        self, gateway: CardPointeSimulator, till: Till, outcome: str, told: Any
    ) -> None:
        gateway.script(HSN, outcome)

        answer = till.sell()

        assert error(answer) == told
        assert answer.json()["authResponse"]["respstat"] == "A"
        assert stored(gateway) == TAKEN

    def test_a_cancel_after_the_card_is_too_late(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, then_wait=60)
        asked = till.pool.submit(till.sell)
        gateway.await_reader(HSN, "authorizing")

        till.call("cancel")

        assert error(asked.result()) == (500, 8, "Authorization Cancelled")
        assert stored(gateway) == TAKEN

    def test_a_clover_voids_by_itself(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader("CLOVER", device_type="Mini 2")
        gateway.script("CLOVER", "late_cancel")

        answer = Till(gateway, "CLOVER").sell()

        assert error(answer) == (500, 900, "Authorization Voided")
        assert answer.json()["authResponse"]["respstat"] == "A"
        assert stored(gateway) == [("A", "Voided")]
