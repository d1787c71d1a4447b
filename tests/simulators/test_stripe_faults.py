"""Keys that make a request happen once, faults on request, and the journal of all calls."""

import concurrent.futures
from typing import Any

import httpx
import pytest
import stripe

from tests.simulators.stripe.client import StripeSimulator


class TestIdempotency:
    def test_the_same_key_is_answered_twice_and_done_once(self, simulator: StripeSimulator) -> None:
        headers = {"Idempotency-Key": "once"}

        first = simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)
        again = simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)

        assert again.json() == first.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["original-request"] == first.headers["request-id"]
        assert len(simulator.objects("customer")) == 1

    def test_other_parameters_under_the_same_key_are_an_error(self, v1: Any) -> None:
        v1.customers.create({"name": "A"}, {"idempotency_key": "once"})

        with pytest.raises(stripe.IdempotencyError) as refused:
            v1.customers.create({"name": "B"}, {"idempotency_key": "once"})

        assert refused.value.http_status == 400

    def test_a_decline_is_replayed(
        self, simulator: StripeSimulator, v1: Any, customer: Any
    ) -> None:
        headers = {"Idempotency-Key": "decline"}
        body = {"customer": customer.id}
        path = "/v1/payment_methods/pm_card_chargeDeclined/attach"

        answers = [simulator.api("POST", path, body, headers=headers) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [402, 402]
        assert simulator.requests()[-1]["verdict"] == "replayed"

    def test_refused_parameters_leave_the_key_free(self, simulator: StripeSimulator) -> None:
        headers = {"Idempotency-Key": "typo"}

        wrong = simulator.api("POST", "/v1/customers", {"nane": "A"}, headers=headers)
        right = simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)

        assert (wrong.status_code, right.status_code) == (400, 200)

    def test_a_key_is_forgotten_after_a_day(self, simulator: StripeSimulator, v1: Any) -> None:
        first = v1.customers.create({"name": "A"}, {"idempotency_key": "old"})

        simulator.advance(24 * 3600 + 60)

        assert v1.customers.create({"name": "A"}, {"idempotency_key": "old"}).id != first.id

    def test_two_at_once_are_a_conflict(self, simulator: StripeSimulator) -> None:
        simulator.add_fault(method="POST", path="/v1/customers", latency_ms=300)
        headers = {"Idempotency-Key": "both"}

        def send(_: int) -> httpx.Response:
            return simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(send, range(2)))

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(simulator.objects("customer")) == 1


class TestFaults:
    def test_an_error_is_answered_as_often_as_asked(
        self, simulator: StripeSimulator, v1: Any
    ) -> None:
        error = {"type": "rate_limit_error", "message": "Too many requests", "code": "rate_limit"}
        simulator.add_fault(method="POST", path="^/v1/customers$", status=429, error=error, times=2)

        for _ in range(2):
            with pytest.raises(stripe.RateLimitError):
                v1.customers.create({"name": "A"})
        v1.customers.create({"name": "A"})

        assert len(simulator.objects("customer")) == 1
        verdicts = [entry["verdict"] for entry in simulator.requests()]
        assert verdicts == ["forced", "forced", "ok"]

    @pytest.mark.parametrize(
        ("action", "made"),
        [("reset_before", 0), ("timeout_before", 0), ("reset_after", 1), ("timeout_after", 1)],
    )
    def test_no_answer_before_or_after_the_work(
        self, simulator: StripeSimulator, action: str, made: int
    ) -> None:
        simulator.add_fault(path="/v1/customers", action=action, hold_s=0.05)

        with pytest.raises(httpx.TransportError):
            simulator.api("POST", "/v1/customers", {"name": "A"})

        assert len(simulator.objects("customer")) == made

    def test_after_a_lost_answer_the_key_gives_it_back(self, simulator: StripeSimulator) -> None:
        simulator.add_fault(path="/v1/customers", action="reset_after")
        headers = {"Idempotency-Key": "lost"}
        with pytest.raises(httpx.TransportError):
            simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)

        again = simulator.api("POST", "/v1/customers", {"name": "A"}, headers=headers)

        assert again.json()["id"] == simulator.objects("customer")[0]["id"]
        assert len(simulator.objects("customer")) == 1

    def test_cleared_faults_do_nothing(self, simulator: StripeSimulator) -> None:
        simulator.add_fault(status=500, times=-1)

        simulator.clear_faults()

        assert simulator.api("GET", "/v1/customers").status_code == 200

    def test_a_fault_that_does_nothing_is_refused(self, simulator: StripeSimulator) -> None:
        with pytest.raises(ValueError, match="needs a status, an action or a latency_ms"):
            simulator.add_fault(path="/v1/customers")


class TestJournal:
    def test_goes_on_where_a_reader_stopped(self, simulator: StripeSimulator, v1: Any) -> None:
        v1.customers.create({"name": "A"})
        seen = simulator.calls_so_far()

        v1.customers.create({"name": "B"}, {"idempotency_key": "b"})

        entries = simulator.requests(since=seen)
        assert len(entries) == 1
        assert entries[0]["params"] == {"name": "B"}
        assert entries[0]["headers"]["idempotency-key"] == "b"
        assert (entries[0]["verdict"], entries[0]["status"]) == ("ok", 200)
        assert entries[0]["virtual_at"] == pytest.approx(simulator.now(), abs=2)

    def test_tells_which_parameters_nothing_reads(
        self, simulator: StripeSimulator, v1: Any, customer: Any
    ) -> None:
        v1.customers.update(
            customer.id, {"cash_balance": {"settings": {"reconciliation_mode": "manual"}}}
        )

        assert simulator.requests()[-1]["ignored"] == ["cash_balance"]
