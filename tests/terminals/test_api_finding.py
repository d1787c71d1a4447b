"""Payments at a reader over HTTP: who finds them, and who does not."""

import uuid
from typing import Any

import pytest

from orgs.models import Organization, User
from orgs.permissions import Scope
from terminals.models import TerminalPayment
from tests.conftest import Api
from tests.terminals.api_steps import (
    INTENT,
    PAYMENTS,
    ask_for,
    key_of,
    payment_at,
    refusal,
)
from tests.terminals.till_steps import BASKET, Till, more_till

pytestmark = pytest.mark.django_db


class TestFind:
    def test_a_restarted_till_finds_its_own(self, counter: Any, till: Till) -> None:
        till.sell(reference="B0")
        payment = till.open(reference="B1")
        other = more_till(till.organization, till.provider, till.now, "R2")
        other.open(reference="B2")

        def found(**query: Any) -> list[str]:
            return [row["reference"] for row in counter.get(PAYMENTS, query).json()["data"]]

        at_reader = {"terminal_id": str(till.terminal.pk)}
        assert found() == ["B2", "B1", "B0"]
        assert found(**at_reader, status="open") == ["B1"]
        assert found(**at_reader, status="succeeded") == ["B0"]
        assert found(reference="B1") == ["B1"]
        assert found(reference="b1") == []
        assert counter.get(PAYMENTS, at_reader).json()["data"][0]["id"] == str(payment.pk)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"status": "paid"}, "status"),
            ({"terminal_id": "R1"}, "terminal_id"),
            ({"limit": "0"}, "limit"),
            ({"cursor": "x"}, "cursor"),
        ],
    )
    def test_by_what_can_not_be(self, counter: Any, query: dict[str, str], field: str) -> None:
        assert refusal(counter.get(PAYMENTS, query)) == (400, "INVALID_REQUEST", {field})

    def test_costs_as_much_for_many(
        self, counter: Any, till: Till, django_assert_num_queries: Any
    ) -> None:
        for _ in range(4):
            till.sell(capture_method="manual")
        counter.get(PAYMENTS)

        # The key, the payments, what is asked about them.
        with django_assert_num_queries(3):
            assert len(counter.get(PAYMENTS).json()["data"]) == 4


class TestNobodyElse:
    CALLS = ["", "/process", "/capture", "/cancel", "/refunds", "/receipt", "/receipt/send"]
    READS = ("", "/receipt")

    @pytest.mark.parametrize("rest", CALLS)
    def test_knows_a_foreign_payment(self, api: Api, till: Till, charlie: User, rest: str) -> None:
        payment = till.sell(capture_method="manual")
        client = api(charlie)
        call = client.get if rest in self.READS else client.post
        body = {"email": "a@example.com"} if rest == "/receipt/send" else {}

        for key in (payment.pk, uuid.uuid4(), "intentional"):
            answer = call(f"{PAYMENTS}/{key}{rest}", body, format="json")
            assert refusal(answer) == (404, "NOT_FOUND", set())
        assert till.again(payment).status == "requires_capture"

    def test_may_use_a_foreign_reader(
        self, api: Api, till: Till, other_org: Organization, charlie: User
    ) -> None:
        client = api(charlie)

        assert refusal(ask_for(client, till)) == (404, "NOT_FOUND", set())
        assert refusal(ask_for(client, till, process=True)) == (404, "NOT_FOUND", set())
        query = {"terminal_id": str(till.terminal.pk)}
        assert refusal(client.get(PAYMENTS, query)) == (404, "NOT_FOUND", set())
        assert not TerminalPayment.objects.exists()

    @pytest.mark.parametrize("rest", CALLS)
    def test_may_without_role_or_scope(self, api: Api, till: Till, bob: User, rest: str) -> None:
        payment = till.sell()
        is_read = rest in self.READS

        def status(who: User | str | None) -> int:
            client = api(who)
            call = client.get if is_read else client.post
            body = {"email": "a@example.com"} if rest == "/receipt/send" else {}
            code: int = call(payment_at(payment, rest), body, format="json").status_code
            return code

        assert status(None) == 401
        assert status(key_of(till, Scope.BILLING_WRITE, Scope.USAGE_WRITE)) == 403
        for reader in (bob, key_of(till, Scope.BILLING_READ)):
            assert status(reader) == (200 if is_read else 403)
        assert till.again(payment).status == "succeeded"
        assert till.again(payment).refunded_minor == 0

    def test_may_open_one(self, api: Api, till: Till, bob: User) -> None:
        for who in (bob, key_of(till, Scope.BILLING_WRITE), key_of(till, Scope.BILLING_READ)):
            assert refusal(ask_for(api(who), till))[:2] == (403, "PERMISSION_DENIED")
        assert not TerminalPayment.objects.exists()


def test_both_spellings_of_the_slash(counter: Any, till: Till) -> None:
    body = {"terminal_id": str(till.terminal.pk), "amount": BASKET}

    assert counter.post(f"{INTENT}/", body, format="json").status_code == 201
    assert counter.get(f"{PAYMENTS}/").status_code == 200
