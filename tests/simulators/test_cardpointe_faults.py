"""Faults on request: what a driver must survive."""

import json
from typing import Any

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID


def send(gateway: CardPointeSimulator, orderid: str = "ORDER", **fields: Any) -> httpx.Response:
    body = {
        "merchid": FNOR_MID,
        "account": gateway.tokenize("4111111111111111"),
        "expiry": "1230",
        "amount": "49.00",
        "orderid": orderid,
        "capture": "Y",
        **fields,
    }
    return gateway.send("PUT", "auth", body)


def stored(gateway: CardPointeSimulator, orderid: str = "ORDER") -> list[str]:
    return [txn["respstat"] for txn in gateway.transactions(orderid=orderid)]


class TestLostAnswers:
    @pytest.mark.parametrize(("kind", "kept"), [("drop_before", []), ("drop_after", ["A"])])
    def test_before_or_after_the_work(
        self, gateway: CardPointeSimulator, kind: str, kept: list[str]
    ) -> None:
        gateway.add_fault(kind)

        with pytest.raises(httpx.TransportError):
            send(gateway)

        assert stored(gateway) == kept

    def test_a_caller_can_be_kept_waiting(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("drop_after", hold_s=30)
        gateway.http.timeout = httpx.Timeout(0.2)

        try:
            with pytest.raises(httpx.ReadTimeout):
                send(gateway)
        finally:
            gateway.http.timeout = httpx.Timeout(60)

        assert stored(gateway) == ["A"]

    def test_a_late_commit_is_not_there_at_first(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("late_commit")
        with pytest.raises(httpx.TransportError):
            send(gateway)

        early = gateway.inquire_order("ORDER")
        gateway.advance(20)
        late = gateway.inquire_order("ORDER")

        assert (early["respcode"], late["respstat"]) == ("29", "A")
        assert stored(gateway) == ["A"]

    @pytest.mark.parametrize(("commit", "kept"), [(False, []), (True, ["A"])])
    @pytest.mark.parametrize("status", [408, 500, 502])
    def test_errors_with_and_without_the_work(
        self, gateway: CardPointeSimulator, status: int, commit: Any, kept: list[str]
    ) -> None:
        gateway.add_fault(f"http_{status}", commit=commit)

        assert send(gateway).status_code == status
        assert stored(gateway) == kept

    def test_429_comes_with_or_without_the_time_to_wait(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("http_429", retry_after=30)
        gateway.add_fault("http_429")

        header = "X-Rate-Limit-Retry-After-Seconds"
        assert [send(gateway).headers.get(header) for _ in range(2)] == ["30", None]

    def test_half_an_answer(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("truncate")

        answer = send(gateway)

        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
        assert stored(gateway) == ["A"]

    @pytest.mark.parametrize(
        ("kind", "missing"), [("no_retref", "retref"), ("no_respstat", "respstat")]
    )
    def test_an_answer_without_what_counts(
        self, gateway: CardPointeSimulator, kind: str, missing: str
    ) -> None:
        gateway.add_fault(kind)

        assert missing not in send(gateway).json()
        assert stored(gateway) == ["A"]


class TestAnswers:
    def test_a_processor_that_does_not_answer(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("processor_timeout")
        before = gateway.now()

        answer = send(gateway).json()

        assert (answer["respproc"], answer["respcode"], answer["respstat"]) == ("PPS", "62", "B")
        assert gateway.inquire(answer["retref"])["setlstat"] == "Declined"
        assert gateway.now() - before >= 32

    def test_any_documented_code_with_what_the_brands_add(
        self, gateway: CardPointeSimulator
    ) -> None:
        gateway.settings(noise=False)
        gateway.add_fault("decline", code="NU", category="2", advice="24")
        gateway.add_fault("b_code", proc="RPCT", code="511")

        declined, retry = send(gateway).json(), send(gateway).json()

        assert (declined["respcode"], declined["respstat"]) == ("NU", "C")
        assert (declined["declineCategory"], declined["merchAdviceCode"]) == ("2", "24")
        assert (retry["respproc"], retry["respcode"], retry["respstat"]) == ("RPCT", "511", "B")

    def test_more_or_less_than_was_asked(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("partial", cents=500)
        gateway.add_fault("surcharge", pct=3)

        answers = [send(gateway).json() for _ in range(2)]

        assert [answer["amount"] for answer in answers] == ["5.00", "50.47"]
        assert [answer["respstat"] for answer in answers] == ["A", "A"]

    def test_a_transaction_that_settlement_will_reject(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("settle_reject")
        retref = send(gateway).json()["retref"]

        gateway.close_batches()

        assert gateway.inquire(retref)["setlstat"] == "Rejected"


class TestChoosing:
    def test_by_order_amount_and_merchant(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("http_500", orderid="BAD", times=-1)
        gateway.add_fault("http_502", amount="7.00", merchid=FNOR_MID)

        statuses = [
            send(gateway, "GOOD").status_code,
            send(gateway, "BAD").status_code,
            send(gateway, "GOOD", amount="7.00").status_code,
            send(gateway, "GOOD", amount="7.00").status_code,
            send(gateway, "BAD").status_code,
        ]

        assert statuses == [200, 500, 502, 200, 500]

    def test_lets_some_pass_first(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("http_500", skip=1)

        assert [send(gateway).status_code for _ in range(3)] == [200, 500, 200]

    def test_inquiries_and_voids_go_down_by_themselves(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("inquiry_down")
        gateway.add_fault("void_down", times=3)

        with pytest.raises(httpx.TransportError):
            gateway.inquire_order("ORDER")
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                gateway.call("voidByOrderId", {"orderid": "ORDER"})

        assert send(gateway).json()["respstat"] == "A"
        assert gateway.inquire_order("ORDER")["respstat"] == "A"
        assert gateway.call("voidByOrderId", {"orderid": "ORDER"})["authcode"] == "REVERS"

    def test_other_operations_by_name(self, gateway: CardPointeSimulator) -> None:
        retref = send(gateway).json()["retref"]
        gateway.close_batches()
        gateway.add_fault("drop_after", op="refund")

        with pytest.raises(httpx.TransportError):
            gateway.call("refund", {"retref": retref, "orderid": "BACK"})

        assert gateway.inquire_order("BACK")["respstat"] == "A"

    @pytest.mark.parametrize(
        "fault",
        [{"kind": "nothing"}, {"kind": "decline"}, {"kind": "partial"}, {"kind": "slow", "x": 1}],
    )
    def test_a_fault_that_makes_no_sense_is_refused(
        self, gateway: CardPointeSimulator, fault: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="400"):
            gateway.add_fault(**fault)

    def test_cleared_faults_do_nothing(self, gateway: CardPointeSimulator) -> None:
        gateway.add_fault("http_500", times=-1)

        gateway.clear_faults()

        assert send(gateway).status_code == 200
