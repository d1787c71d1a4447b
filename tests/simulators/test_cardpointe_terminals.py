"""Payments at a reader of the simulated terminal service: how they end, and what is stored."""

import json
from typing import Any

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import ORDER, Till, error

CANCELLED = (500, 8, "Command Cancelled")


@pytest.fixture
def till(gateway: CardPointeSimulator) -> Till:
    """A till at the one reader of a fresh simulator."""
    return Till(gateway)


def stored(gateway: CardPointeSimulator, order: str = ORDER) -> list[tuple[str, str]]:
    """Return the transactions of an order: their status letter, and what became of them."""
    return [(txn["respstat"], txn["setlstat"]) for txn in gateway.transactions(orderid=order)]


TAKEN = [("A", "Queued for Capture")]


class TestApproved:
    def test_is_captured_at_once_and_is_a_transaction_of_the_gateway(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, present="chip")

        answer = till.sell()

        body = answer.json()
        assert answer.status_code == 200
        assert (body["respstat"], body["amount"], body["orderId"]) == ("A", "49.00", ORDER)
        assert (body["entrymode"], body["name"]) == ("EMVContact", "John Smith")
        assert json.loads(body["emvTagData"])["AID"] == "A0000000031010"
        assert body["receiptData"]["dateTime"] == gateway.inquire(body["retref"])["capturedate"]
        assert "tokenExpired" not in body
        found = gateway.inquire_order(ORDER)
        assert (found["retref"], found["setlstat"]) == (body["retref"], "Queued for Capture")
        assert (found["entrymode"], found["amount"]) == ("EMVContact", "49.00")
        assert found["emvTagData"] == body["emvTagData"]

    def test_is_only_held_where_that_is_asked_for(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        retref = till.sell(capture=False).json()["retref"]

        assert stored(gateway) == [("A", "Authorized")]
        taken = gateway.call("capture", {"retref": retref, "amount": "20.00"})
        assert (taken["respstat"], taken["amount"]) == ("A", "20.00")

    def test_can_be_voided_and_refunded_by_the_gateway(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)
        first, second = (till.sell(orderId=order).json()["retref"] for order in ("FIRST", "SECOND"))

        gateway.call("void", {"retref": first})
        gateway.close_batches()
        refunded = gateway.call("refund", {"retref": second, "amount": "9.00"})

        assert stored(gateway, "FIRST") == [("A", "Voided")]
        assert (refunded["respstat"], refunded["amount"]) == ("A", "9.00")

    def test_a_contactless_card_has_no_name_and_a_token_that_ends_with_the_payment(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        body = till.sell(createProfile=True).json()

        assert "name" not in body
        assert (body["tokenExpired"], body["singleUseToken"]) == (True, True)
        assert "profileid" not in body
        later = {"account": body["token"], "expiry": "1239", "amount": "1.00"}
        assert gateway.call("auth", later)["respcode"] == "98"

    def test_a_chip_can_be_kept_in_a_profile(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, present="chip")

        body = till.sell(createProfile=True).json()

        later = {"profile": f"{body['profileid']}/{body['acctid']}", "amount": "1.00"}
        assert gateway.call("auth", later)["respstat"] == "A"

    def test_an_order_without_a_number_gets_one_of_the_reader(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        assert till.sell(orderId=None).json()["orderId"].startswith(f"{HSN}-2026")

    def test_another_merchant_of_the_same_customer_can_be_paid(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        assert till.sell(authMerchantId=RPCT_MID).json()["merchid"] == RPCT_MID
        assert gateway.transactions(orderid=ORDER)[0]["merchid"] == RPCT_MID

    def test_takes_the_time_the_cardholder_takes(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.stop_clock()
        gateway.script(HSN, "approve", wait=30)
        asked = till.start()

        gateway.advance(29)
        assert gateway.reader(HSN)["state"] == "waiting"
        gateway.advance(1)

        assert asked.result().json()["respstat"] == "A"

    def test_a_person_can_act_instead_of_a_script(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()
        assert gateway.display(HSN) == "49.00 USD\nTap, insert or swipe card"

        assert gateway.act(HSN, present="swipe")

        assert asked.result().json()["entrymode"] == "Swipe(Non EMV)"
        assert gateway.display(HSN) == "Approved"
        gateway.advance(2)
        assert gateway.display(HSN) == ""

    def test_the_steps_of_the_reference(self, gateway: CardPointeSimulator, till: Till) -> None:
        steps: list[Any] = [
            {"wait": 0.1},
            {"confirm_amount": True},
            {"present": "chip", "pan": "5454545454545454"},
            {"pin": "ok"},
            {"signature": True},
        ]
        gateway.script(HSN, steps=steps)

        body = till.sell(includeSignature=True).json()

        assert body["authcode"] == "PPS010"
        assert json.loads(body["emvTagData"])["PIN"] == "Verified by PIN"
        assert body["signature"]


class TestDeclined:
    def test_is_an_answer_like_any_other(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "decline", code="05")

        answer = till.sell()

        assert (answer.status_code, answer.json()["respcode"]) == (200, "05")
        assert stored(gateway) == [("C", "Declined")]

    def test_a_wrong_pin_is_a_decline(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, steps=[{"present": "chip"}, {"pin": "wrong"}])

        assert till.sell().json()["respcode"] == "55"

    def test_faults_of_the_bank_are_those_of_the_gateway(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)
        gateway.settings(terminal_gateway_s=0)
        gateway.add_fault("partial", cents=500, hsn=HSN)
        gateway.add_fault("processor_timeout", op="authCard")

        answers = [till.sell().json() for _ in range(2)]

        assert {(one["respstat"], one["amount"]) for one in answers} == {
            ("A", "5.00"),
            ("B", "49.00"),
        }


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


def test_the_journal_has_the_calls_of_readers_without_secrets(
    gateway: CardPointeSimulator, till: Till
) -> None:
    gateway.script(HSN, "decline", code="05")
    till.sell()

    entry = gateway.requests(op="authCard")[-1]

    assert (entry["status"], entry["respstat"], entry["respcode"]) == (200, "C", "05")
    assert entry["fields"]["merchantId"] == FNOR_MID
    assert (entry["gateway"], entry["error_code"]) == (["auth"], None)
    assert till.session not in json.dumps(gateway.requests())
    assert till.session not in json.dumps(gateway.sessions())
