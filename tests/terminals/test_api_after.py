"""Payments at a reader over HTTP once a card was read: capture, cancel, give back."""

from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable
from tests.conftest import Api
from tests.terminals.api_steps import (
    key_of,
    payment_at,
    refusal,
    sent_with,
)
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import BASKET, Till

pytestmark = pytest.mark.django_db


class TestCapture:
    def test_in_part(self, counter: Any, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        answer = counter.post(payment_at(payment, "/capture"), {"amount": 1000}, format="json")

        assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
        assert (answer.json()["amount_captured"], answer.json()["amount_authorized"]) == (
            1000,
            BASKET,
        )

    def test_of_all_without_an_amount(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.sell(capture_method="manual"), "/capture"))

        assert answer.json()["amount_captured"] == BASKET

    @pytest.mark.parametrize("amount", [0, -1, BASKET + 1, 10.0, "1"])
    def test_of_what_can_not_be(self, counter: Any, till: Till, amount: Any) -> None:
        payment = till.sell(capture_method="manual")

        answer = counter.post(payment_at(payment, "/capture"), {"amount": amount}, format="json")

        assert refusal(answer) == (400, "INVALID_REQUEST", {"amount"})
        assert till.again(payment).status == "requires_capture"
        assert "capture_sale" not in till.bank.calls

    def test_of_what_nobody_authorized(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.open(process=False), "/capture"))

        assert refusal(answer)[:2] == (409, "CONFLICT")

    def test_whose_answer_is_lost(self, counter: Any, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        till.bank.write_errors.append(LOST)
        till.bank.loses_answers = True

        answer = counter.post(payment_at(payment, "/capture"), **sent_with("c1"))

        assert (answer.status_code, answer.json()["status"]) == (202, "requires_capture")
        assert answer.json()["resolve_after"] is not None


class TestCancel:
    def test_before_a_reader_was_asked(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.open(process=False), "/cancel"))

        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")

    def test_while_a_reader_is_at_it(self, api: Api, waiting: Till) -> None:
        client, payment = api(key_of(waiting)), waiting.open()
        asked: list[Any] = []
        waiting.bank.acts.append(lambda: asked.append(client.post(payment_at(payment, "/cancel"))))
        waiting.work()
        waiting.sweep()

        (answer,) = asked
        assert (answer.status_code, answer.json()["status"]) == (202, "in_progress")
        assert answer.json()["cancel_requested_at"] is not None
        assert client.get(payment_at(payment)).json()["status"] == "canceled"
        assert waiting.charged() == []

    def test_of_what_is_paid(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.sell(), "/cancel"))

        assert refusal(answer)[:2] == (409, "CONFLICT")


class TestRefund:
    def test_says_what_is_given_back(self, counter: Any, till: Till) -> None:
        payment = till.sell()

        answer = counter.post(payment_at(payment, "/refunds"), {"amount": 250}, format="json")
        rest = counter.post(payment_at(payment, "/refunds"))

        shown = answer.json()
        assert answer.status_code == 201
        assert (shown["status"], shown["amount"], shown["amount_decimal"]) == (
            "succeeded",
            250,
            "2.50",
        )
        assert shown["payment_id"] == str(payment.pk)
        assert rest.json()["amount_refunded"] == BASKET

    @pytest.mark.parametrize("amount", [0, -1, BASKET + 1, 1.0])
    def test_of_what_can_not_be(self, counter: Any, till: Till, amount: Any) -> None:
        payment = till.sell()

        answer = counter.post(payment_at(payment, "/refunds"), {"amount": amount}, format="json")

        assert refusal(answer) == (400, "INVALID_REQUEST", {"amount"})
        assert "refund_payment" not in till.bank.calls

    def test_of_more_than_is_left(self, counter: Any, till: Till) -> None:
        payment = till.sell()
        till.refund(payment, 1000)

        for key in ("", "r1"):
            answer = counter.post(
                payment_at(payment, "/refunds"), {"amount": 251}, format="json", **sent_with(key)
            )
            assert refusal(answer) == (400, "INVALID_REQUEST", {"amount"})
        assert till.again(payment).refunded_minor == 1000

    def test_whose_answer_is_lost(self, counter: Any, till: Till) -> None:
        payment = till.sell()
        till.bank.write_errors.append(LOST)
        till.bank.loses_answers = True

        answer = counter.post(payment_at(payment, "/refunds"), **sent_with("r1"))

        assert (answer.status_code, answer.json()["status"]) == (202, "unknown")
        assert answer.json()["resolve_after"] is not None

    def test_that_was_not_done(self, counter: Any, till: Till) -> None:
        payment = till.sell()
        till.bank.write_errors.append(DriverUnavailable("API_ERROR"))

        answer = counter.post(payment_at(payment, "/refunds"))

        assert refusal(answer)[:2] == (502, "API_ERROR")
        assert till.again(payment).refunded_minor == 0

    def test_of_what_is_not_paid(self, counter: Any, till: Till) -> None:
        answer = counter.post(payment_at(till.sell(capture_method="manual"), "/refunds"))

        assert refusal(answer)[:2] == (409, "CONFLICT")
