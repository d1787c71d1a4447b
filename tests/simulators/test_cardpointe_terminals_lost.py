"""Payments at a reader without an answer: of the gateway behind it, or to the till."""

import json
from typing import Any

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import ORDER, TAKEN, Till, error, stored


class TestGatewayWithoutAnswer:
    @pytest.fixture(autouse=True)
    def _quick(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(terminal_gateway_s=0)

    def asked(self, gateway: CardPointeSimulator) -> list[str]:
        found: list[str] = gateway.requests(op="authCard")[-1]["gateway"]
        return found

    def test_what_it_finds_is_passed_on(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "gateway_lost")

        body = till.sell().json()

        assert (body["respstat"], body["setlstat"]) == ("A", "Queued for Capture")
        later = {"account": body["token"], "expiry": "1239", "amount": "1.00"}
        assert gateway.call("auth", later)["respcode"] == "98"
        assert self.asked(gateway) == ["auth", "inquireByOrderid"]
        assert stored(gateway) == TAKEN

    def test_what_it_does_not_find_it_voids_three_times(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "gateway_down")

        answer = till.sell()

        assert error(answer) == (500, 1, "Terminal request timed out")
        assert "authResponse" not in answer.json()
        assert self.asked(gateway) == ["auth", "inquireByOrderid", *["voidByOrderId"] * 3]
        assert stored(gateway) == []

    def test_what_it_cannot_ask_for_it_voids(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "gateway_lost")
        gateway.add_fault("inquiry_down")
        gateway.add_fault("void_down", times=2)

        assert error(till.sell())[1] == 1
        assert self.asked(gateway)[2:] == ["voidByOrderId"] * 3
        assert stored(gateway) == [("A", "Voided")]

    def test_a_late_approval_comes_after_all(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "gateway_late")

        assert error(till.sell())[1] == 1
        assert stored(gateway) == []
        gateway.advance(20)
        assert stored(gateway) == TAKEN

    def test_it_may_authorize_twice_with_one_order(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.settings(terminal_reauth=True)
        gateway.script(HSN, "gateway_late")

        body = till.sell().json()
        gateway.advance(20)

        assert body["respstat"] == "A"
        assert stored(gateway) == TAKEN * 2
        assert len(gateway.inquire_order(ORDER)) == 2

    def test_it_waits_as_long_as_the_gateway_may_take(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.settings(terminal_gateway_s=32)
        gateway.stop_clock()
        gateway.script(HSN, "gateway_lost")
        asked = till.pool.submit(till.sell)
        gateway.await_reader(HSN, "authorizing")

        gateway.advance(31)
        till.call("cancel")
        assert not asked.done()
        gateway.advance(1)

        # What was cancelled meanwhile had been authorized.
        assert error(asked.result()) == (500, 8, "Authorization Cancelled")


class TestLostAnswers:
    @pytest.mark.parametrize(("kind", "kept"), [("drop_before", []), ("drop_after", TAKEN)])
    def test_before_or_after_the_payment(
        self, gateway: CardPointeSimulator, till: Till, kind: str, kept: Any
    ) -> None:
        gateway.script(HSN, "approve")
        gateway.add_fault(kind, op="authCard", hsn=HSN)

        with pytest.raises(httpx.TransportError):
            till.sell()

        assert stored(gateway) == kept

    def test_while_the_reader_waits_and_then_goes_on_alone(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.add_fault("late_commit", op="authCard", orderid=ORDER)
        with pytest.raises(httpx.TransportError):
            till.sell()
        gateway.await_reader(HSN)

        gateway.act(HSN, present="contactless")
        assert stored(gateway) == []
        assert error(till.sell())[1] == 7
        gateway.advance(20)

        assert stored(gateway) == TAKEN
        assert gateway.reader(HSN)["state"] == "idle"

    def test_half_an_answer(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve")
        gateway.add_fault("truncate", op="authCard")

        with pytest.raises(json.JSONDecodeError):
            till.sell().json()
        assert stored(gateway) == TAKEN

    @pytest.mark.parametrize(("commit", "kept"), [(False, []), (True, TAKEN)])
    def test_errors_with_and_without_the_payment(
        self, gateway: CardPointeSimulator, till: Till, commit: Any, kept: Any
    ) -> None:
        gateway.script(HSN, "approve")
        gateway.add_fault("http_502", op="authCard", commit=commit)

        assert till.sell().status_code == 502
        assert stored(gateway) == kept

    def test_a_session_can_begin_without_its_key_being_known(
        self, gateway: CardPointeSimulator
    ) -> None:
        gateway.add_fault("drop_after", op="connect")
        with pytest.raises(httpx.TransportError):
            gateway.connect_reader(HSN)

        answer = gateway.terminal("connect", hsn=HSN)

        assert error(answer) == (500, 1, f"Session exists for hsn {HSN}")

    def test_a_restart_of_the_world_cuts_who_waits(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()

        gateway.reset()

        with pytest.raises(httpx.TransportError):
            asked.result()
