"""What becomes of an authorisation: captured, voided, settled, refunded."""

from typing import Any

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID, STRICT_MID

HOUR = 3600
DAY = 24 * HOUR


def sale(gateway: CardPointeSimulator, **fields: Any) -> str:
    merchid = fields.pop("merchid", FNOR_MID)
    token = gateway.tokenize("4111111111111111")
    body = {"account": token, "expiry": "1230", "amount": "49.00", "capture": "Y", **fields}
    return str(gateway.call("auth", body, merchid=merchid)["retref"])


def state(gateway: CardPointeSimulator, retref: str) -> tuple[str, str, str]:
    shown = gateway.inquire(retref)
    return shown["setlstat"], shown["voidable"], shown["refundable"]


def refused(answer: dict[str, Any]) -> tuple[str, str]:
    assert answer["respproc"] == "PPS"
    return answer["respcode"], answer["respstat"]


class TestCapture:
    def test_queues_in_full_or_in_part(self, gateway: CardPointeSimulator) -> None:
        whole, part = sale(gateway, capture="N"), sale(gateway, capture="N")
        assert state(gateway, whole) == ("Authorized", "Y", "N")

        gateway.call("capture", {"retref": whole})
        answer = gateway.call("capture", {"retref": part, "amount": "9.00"})

        assert answer["setlstat"] == "Queued for Capture"
        assert (gateway.inquire(whole)["amount"], gateway.inquire(part)["amount"]) == (
            "49.00",
            "9.00",
        )
        assert answer["batchid"] == gateway.inquire(whole)["batchid"]

    def test_a_second_one_is_answered_as_the_first_and_changes_nothing(
        self, gateway: CardPointeSimulator
    ) -> None:
        retref = sale(gateway, capture="N")
        gateway.call("capture", {"retref": retref, "amount": "9.00"})

        again = gateway.call("capture", {"retref": retref, "amount": "40.00"})

        assert (again["respstat"], again["amount"]) == ("A", "9.00")

    def test_of_more_than_authorised_is_refused(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, capture="N")

        assert refused(gateway.call("capture", {"retref": retref, "amount": "50.00"})) == (
            "42",
            "C",
        )

    def test_of_nothing_known_is_29(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.call("capture", {"retref": "23221"})

        assert refused(answer) == ("29", "C")
        assert (answer["batchid"], answer["retref"]) == ("-1", "23221")

    def test_an_account_check_cannot_be_captured(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, amount="0", capture="N")

        assert gateway.call("capture", {"retref": retref})["setlstat"] == "Zero Amount"


class TestVoid:
    def test_takes_back_what_is_not_settled(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)

        answer = gateway.call("void", {"retref": retref})

        assert (answer["authcode"], answer["amount"], answer["respstat"]) == ("REVERS", "0.00", "A")
        assert state(gateway, retref) == ("Voided", "N", "N")

    def test_in_part_lowers_an_authorisation_only(self, gateway: CardPointeSimulator) -> None:
        authorised, queued = sale(gateway, capture="N"), sale(gateway)

        lowered = gateway.call("void", {"retref": authorised, "amount": "9.00"})
        not_so = gateway.call("void", {"retref": queued, "amount": "9.00"})

        assert (lowered["amount"], refused(not_so)) == ("40.00", ("43", "C"))
        assert gateway.inquire(queued)["amount"] == "49.00"

    @pytest.mark.parametrize(("setting", "stat"), [("26", "A"), ("27", "C")])
    def test_of_what_is_settled_changes_nothing_whatever_it_says(
        self, gateway: CardPointeSimulator, setting: str, stat: str
    ) -> None:
        gateway.settings(void_of_settled=setting)
        retref = sale(gateway)
        gateway.close_batches()

        assert refused(gateway.call("void", {"retref": retref})) == (setting, stat)
        assert state(gateway, retref) == ("Accepted", "N", "Y")

    def test_of_what_is_on_its_way_is_27(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(settle_delay_s=HOUR)
        retref = sale(gateway)
        gateway.close_batches()

        assert refused(gateway.call("void", {"retref": retref})) == ("27", "C")
        assert state(gateway, retref) == ("Queued for Capture", "N", "N")
        gateway.advance(HOUR)
        assert state(gateway, retref) == ("Accepted", "N", "Y")

    def test_after_thirty_days_is_39(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, capture="N")

        gateway.advance(30 * DAY + 1)

        assert refused(gateway.call("void", {"retref": retref})) == ("39", "C")


class TestVoidByOrderId:
    def test_takes_the_newest_that_lives(self, gateway: CardPointeSimulator) -> None:
        first, second = sale(gateway, orderid="TWICE"), sale(gateway, orderid="TWICE")
        declined = sale(gateway, orderid="TWICE", amount="1005.00")

        voided = [gateway.call("voidByOrderId", {"orderid": "TWICE"})["retref"] for _ in range(2)]

        assert voided == [second, first]
        assert gateway.inquire(declined)["setlstat"] == "Declined"

    def test_without_any_is_29(self, gateway: CardPointeSimulator) -> None:
        sale(gateway, orderid="DECLINED", amount="1005.00")

        for orderid in ("DECLINED", "NEVER"):
            answer = gateway.call("voidByOrderId", {"orderid": orderid})
            assert refused(answer) == ("29", "C")


class TestRefund:
    def test_before_settlement_is_28(self, gateway: CardPointeSimulator) -> None:
        assert refused(gateway.call("refund", {"retref": sale(gateway)})) == ("28", "C")

    def test_gives_back_part_by_part_never_more_than_was_taken(
        self, gateway: CardPointeSimulator
    ) -> None:
        retref = sale(gateway)
        gateway.close_batches()

        first = gateway.call("refund", {"retref": retref, "amount": "9.00", "orderid": "BACK"})
        more = gateway.call("refund", {"retref": retref, "amount": "40.01"})
        rest = gateway.call("refund", {"retref": retref})

        assert (first["amount"], first["authcode"], rest["amount"]) == ("9.00", "REFUND", "40.00")
        assert first["retref"] != retref
        assert refused(more) == ("43", "C")
        assert refused(gateway.call("refund", {"retref": retref})) == ("43", "C")
        assert gateway.inquire_order("BACK")["retref"] == first["retref"]
        assert state(gateway, retref) == ("Accepted", "N", "N")

    def test_can_have_its_parents_retref(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(refund_retref="same")
        retref = sale(gateway)
        gateway.close_batches()

        assert gateway.call("refund", {"retref": retref})["retref"] == retref

    def test_of_the_unsettled_is_for_entitled_merchants(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, merchid=STRICT_MID, cvv2="123")

        answer = gateway.call("refund", {"retref": retref}, merchid=STRICT_MID)

        assert answer["respstat"] == "A"

    def test_of_another_merchants_sale_is_29(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)
        gateway.close_batches()

        answer = gateway.call("refund", {"retref": retref}, merchid=RPCT_MID)

        assert refused(answer) == ("29", "C")

    def test_can_be_declined(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, amount="2000.00")
        gateway.close_batches()
        gateway.settings(noise=False)

        answer = gateway.call("refund", {"retref": retref, "amount": "1005.00"})

        assert (answer["respproc"], answer["respcode"], answer["respstat"]) == ("FNOR", "05", "C")
        assert gateway.call("refund", {"retref": retref})["amount"] == "2000.00"

    def test_a_voided_refund_can_be_given_again(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)
        gateway.close_batches()
        refund = gateway.call("refund", {"retref": retref})["retref"]

        gateway.call("void", {"retref": refund})

        assert gateway.call("refund", {"retref": retref})["amount"] == "49.00"


class TestSettlement:
    def test_happens_at_the_hour(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)

        gateway.advance(10 * HOUR - 60)
        assert state(gateway, retref) == ("Queued for Capture", "Y", "N")
        gateway.advance(120)

        assert state(gateway, retref) == ("Accepted", "N", "Y")

    def test_can_be_left_to_a_test(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(close_hour=None)
        retref = sale(gateway)

        gateway.advance(3 * DAY)

        assert state(gateway, retref) == ("Queued for Capture", "Y", "N")
        assert len(gateway.close_batches()) == 1

    @pytest.mark.parametrize(
        ("letter", "text"),
        [("N", "Rejected"), ("F", "Format Error"), ("W", "Amount under review")],
    )
    def test_can_reject(self, gateway: CardPointeSimulator, letter: str, text: str) -> None:
        retref = sale(gateway)
        gateway.settle_as(retref, letter)

        gateway.close_batches()

        assert state(gateway, retref) == (text, "N", "N")
