"""Payments at a reader over HTTP: open, start, wait."""

import types
from typing import Any

import pytest

from billing.drivers.base import ReaderOffline
from terminals.models import TerminalPayment
from terminals.services import waiting
from tests.conftest import Api
from tests.terminals.api_steps import (
    ask_for,
    key_of,
    payment_at,
    refusal,
    sent_with,
)
from tests.terminals.till_steps import BASKET, Till

pytestmark = pytest.mark.django_db


class TestOpen:
    def test_starts_the_reader_by_itself_where_only_we_can(
        self, api: Api, waiting: Till, told: Till
    ) -> None:
        at_waiting = ask_for(api(key_of(waiting)), waiting)
        at_told = ask_for(api(key_of(told)), told)

        assert (at_waiting.status_code, at_waiting.json()["status"]) == (201, "in_progress")
        assert "client_secret" not in at_waiting.json()
        assert (at_told.status_code, at_told.json()["status"]) == (201, "requires_terminal")
        assert at_told.json()["client_secret"].endswith("_secret_x")
        assert at_told.json()["transaction_id"].startswith("pi_")
        assert at_told["Cache-Control"] == "no-store"

    def test_says_what_it_is(self, counter: Any, till: Till) -> None:
        body: dict[str, Any] = {
            "process": True,
            "currency": "usd",
            "reference": "B1",
            "metadata": {"table": "7"},
            "capture_method": "manual",
            "tip": True,
        }

        shown = ask_for(counter, till, **body).json()

        row = TerminalPayment.objects.get()
        assert row.asks_for_tip
        assert shown == {
            "id": str(row.pk),
            "status": "in_progress",
            "terminal_id": str(till.terminal.pk),
            "transaction_id": row.external_id or None,
            "provider": till.provider,
            "amount": BASKET,
            "amount_decimal": "12.50",
            "currency": "USD",
            "amount_authorized": 0,
            "amount_tip": 0,
            "amount_captured": 0,
            "amount_refunded": 0,
            "capture_method": "manual",
            "reference": "B1",
            "metadata": {"table": "7"},
            "started_by": "Till 3",
            "resolve_after": None,
            "decline": None,
            "not_started": None,
            "cancel_requested_at": None,
            "capture_before": None,
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            "authorized_at": None,
            "captured_at": None,
            "finished_at": None,
            "receipt": None,
        }

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"amount": 0}, "amount"),
            ({"amount": -1}, "amount"),
            ({"amount": 10**8}, "amount"),
            ({"amount": 10**30}, "amount"),
            ({"amount": 12.0}, "amount"),
            ({"amount": "1250"}, "amount"),
            ({"amount": True}, "amount"),
            ({"amount": None}, "amount"),
            ({"currency": "EUR"}, "currency"),
            ({"currency": "EURO"}, "currency"),
            ({"capture_method": "later"}, "capture_method"),
            ({"reference": "x" * 101}, "reference"),
            ({"metadata": {"till_payment": "mine"}}, "metadata"),
            ({"metadata": {"a": {"b": 1}}}, "metadata.a"),
            ({"terminal_id": "R1"}, "terminal_id"),
            ({"organization": "mine"}, "organization"),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_refuses_what_can_not_be(
        self, counter: Any, till: Till, change: dict[str, Any], field: str
    ) -> None:
        assert refusal(ask_for(counter, till, **change)) == (400, "INVALID_REQUEST", {field})
        assert not TerminalPayment.objects.exists()
        assert "run_sale" not in till.bank.calls

    def test_a_busy_reader_says_who_holds_it(self, counter: Any, till: Till) -> None:
        first = ask_for(counter, till, process=True, reference="B1").json()

        answer = ask_for(counter, till, "k2", process=True)

        assert refusal(answer)[:2] == (409, "TERMINAL_BUSY")
        fields = answer.json()["error"]["fields"]
        assert fields["payment_id"] == [first["id"]]
        assert (fields["reference"], fields["started_by"]) == (["B1"], ["Till 3"])
        assert answer["Retry-After"] == "5"
        assert TerminalPayment.objects.count() == 1

    def test_the_key_of_one_that_found_it_busy_tries_again(self, counter: Any, till: Till) -> None:
        holder = till.open()
        assert ask_for(counter, till, "k2", process=True).status_code == 409
        till.present(holder)

        assert ask_for(counter, till, "k2", process=True).status_code == 201

    def test_a_reader_that_is_off_leaves_a_payment_that_waits(self, api: Api, told: Till) -> None:
        told.bank.acts.append(ReaderOffline("API_ERROR", detail="terminal_reader_offline"))

        answer = ask_for(api(key_of(told)), told, process=True)

        shown = answer.json()
        assert (answer.status_code, shown["status"]) == (201, "requires_terminal")
        assert shown["not_started"]["code"] == "reader_offline"
        assert "switched on" in shown["not_started"]["message"]
        assert shown["decline"] is None


class TestTwice:
    def test_the_same_key_gives_the_same_answer(self, counter: Any, till: Till) -> None:
        first = ask_for(counter, till, "k1", process=True)
        till.present(TerminalPayment.objects.get())
        again = ask_for(counter, till, "k1", process=True)

        assert first.content == again.content
        assert again["Idempotent-Replayed"] == "true"
        assert TerminalPayment.objects.count() == 1
        assert till.bank.calls.count("run_sale") == 1

    def test_the_same_key_for_another_basket(self, counter: Any, till: Till) -> None:
        ask_for(counter, till, "k1", process=True)

        answer = ask_for(counter, till, "k1", process=True, amount=BASKET + 1)

        assert refusal(answer)[:2] == (409, "IDEMPOTENCY_MISMATCH")

    def test_an_unknown_outcome_is_no_final_answer(self, api: Api, told: Till) -> None:
        client = api(key_of(told))
        told.bank.acts.append("lost_after")

        lost = ask_for(client, told, "k1", process=True)
        payment = TerminalPayment.objects.get()
        told.driver.hold_card(payment.external_id)
        told.tell(payment)
        again = ask_for(client, told, "k1", process=True)

        assert (lost.status_code, lost.json()["status"]) == (202, "unknown")
        assert lost.json()["resolve_after"] is not None
        assert (again.status_code, again.json()["status"]) == (201, "succeeded")
        assert len(told.charged()) == 1

    def test_a_refund_is_given_once(self, counter: Any, till: Till) -> None:
        payment = till.sell()
        path, body = payment_at(payment, "/refunds"), {"amount": 250}

        first = counter.post(path, body, format="json", **sent_with("r1"))
        again = counter.post(path, body, format="json", **sent_with("r1"))

        assert first.content == again.content
        assert till.again(payment).refunded_minor == 250


class TestProcess:
    def test_starts_and_says_how_it_went(self, counter: Any, till: Till) -> None:
        payment = till.open(process=False)

        started = counter.post(payment_at(payment, "/process"))
        till.present(payment, "decline")
        shown = counter.get(payment_at(payment)).json()

        assert (started.status_code, started.json()["status"]) == (200, "in_progress")
        assert shown["status"] == "declined"
        assert shown["decline"] == {
            "code": "insufficient_funds",
            "message": "The card has insufficient funds. Please try another one.",
        }

    @pytest.mark.parametrize("code", ["stolen_card", "lost_card", "fraudulent", ""])
    def test_tells_nobody_that_a_card_is_stolen(self, counter: Any, till: Till, code: str) -> None:
        payment = till.sell("decline")
        TerminalPayment.objects.update(decline_code=code)

        message = counter.get(payment_at(payment)).json()["decline"]["message"]

        assert message == "Your card was declined. Please try another payment method."

    def test_of_what_is_paid(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.sell(), "/process"))

        assert refusal(answer)[:2] == (409, "CONFLICT")

    def test_of_a_reader_that_is_off(self, api: Api, told: Till) -> None:
        payment = told.open(process=False)
        told.bank.acts.append(ReaderOffline("API_ERROR"))

        answer = api(key_of(told)).post(payment_at(payment, "/process"))

        assert refusal(answer)[:2] == (409, "CONFLICT")
        assert "Retry-After" in answer


class TestWait:
    def test_is_answered_once_it_is_decided(
        self, counter: Any, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = till.open()
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                till.present(payment)

        clock = types.SimpleNamespace(sleep=pause, monotonic=lambda: sum(pauses))
        monkeypatch.setattr(waiting, "time", clock)

        shown = counter.get(payment_at(payment), {"wait": 25}).json()

        assert shown["status"] == "succeeded"
        assert len(pauses) == 3

    def test_is_answered_when_the_time_is_over(
        self, counter: Any, till: Till, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = till.open()
        pauses: list[float] = []
        clock = types.SimpleNamespace(sleep=pauses.append, monotonic=lambda: sum(pauses))
        monkeypatch.setattr(waiting, "time", clock)

        assert counter.get(payment_at(payment), {"wait": 2}).json()["status"] == "in_progress"
        assert sum(pauses) == 2
        assert counter.get(payment_at(payment)).json()["status"] == "in_progress"
        assert sum(pauses) == 2

    @pytest.mark.parametrize("seconds", ["-1", "26", "long", "1.5"])
    def test_is_no_longer_than_it_may_be(self, counter: Any, till: Till, seconds: str) -> None:
        answer = counter.get(payment_at(till.open()), {"wait": seconds})

        assert refusal(answer) == (400, "INVALID_REQUEST", {"wait"})
