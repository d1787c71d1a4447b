"""Payments at a reader of the simulated terminal service: approved or declined, and stored."""

import json
from typing import Any

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import ORDER, Till, stored


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
