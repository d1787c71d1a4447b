"""Taking and giving back payments in person on the tenant's pages."""

import re

import pytest
from django.test import Client

from orgs.models import User
from terminals.models import TerminalPayment
from tests.billing.page_steps import refused, send, show
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import Till

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


def page(payment: TerminalPayment, rest: str = "") -> str:
    return f"/settings/terminals/payments/{payment.pk}{rest}"


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def asked(owner: Client, payment: TerminalPayment, amount: str) -> dict[str, str]:
    """Return the form of the page that asks how much is given back, filled in."""
    key = re.search(r'name="request_key" value="(\w+)"', show(owner, page(payment, "/refund")))
    assert key
    return {"amount": amount, "request_key": key[1]}


class TestCapture:
    def test_a_part_is_taken_and_the_rest_given_up(self, owner: Client, till: Till) -> None:
        payment = till.sell(capture_method="manual")
        assert "Take the payment…" in show(owner, page(payment))
        assert 'value="12.50"' in show(owner, page(payment, "/capture"))

        text = send(owner, page(payment, "/capture"), {"amount": "8.00"}, to=page(payment))

        assert "$8.00 were taken." in text
        assert "Take the payment…" not in text
        assert till.again(payment).captured_minor == 800

    @pytest.mark.parametrize("amount", ["0", "-1", "12.51", "1.005", "much", ""])
    def test_no_other_amount_is(self, owner: Client, till: Till, amount: str) -> None:
        payment = till.sell(capture_method="manual")

        response = owner.post(page(payment, "/capture"), {"amount": amount})

        assert 'id="id_amount_error"' in response.text
        assert till.again(payment).status == "requires_capture"

    def test_what_is_paid_already_is_not(self, owner: Client, till: Till) -> None:
        payment = till.sell("decline", capture_method="manual")

        assert "Take the payment…" not in show(owner, page(payment))
        refused(owner, page(payment, "/capture"), {"amount": "12.50"}, 409)


class TestRefund:
    def test_a_part_and_then_the_rest(self, owner: Client, till: Till) -> None:
        payment = till.sell()

        text = send(owner, page(payment, "/refund"), asked(owner, payment, "5"), to=page(payment))

        assert "$5.00 given back." in text
        assert '<strong class="amount">$7.50</strong> can be' in show(
            owner, page(payment, "/refund")
        )
        text = send(owner, page(payment, "/refund"), asked(owner, payment, "7.50"))
        assert "$7.50 given back." in text
        assert "Refund…" not in text
        assert till.again(payment).refunded_minor == 1250

    def test_what_is_sent_twice_is_given_once(self, owner: Client, till: Till) -> None:
        payment = till.sell()
        form = asked(owner, payment, "5")

        for _ in range(2):
            send(owner, page(payment, "/refund"), form)

        assert till.again(payment).refunded_minor == 500

    def test_never_more_than_is_left(self, owner: Client, till: Till) -> None:
        payment = till.sell()

        refused(owner, page(payment, "/refund"), asked(owner, payment, "12.51"), 400)

        assert till.again(payment).refunded_minor == 0

    def test_what_nobody_knows_is_said(self, owner: Client, till: Till) -> None:
        payment = till.sell()
        form = asked(owner, payment, "5")
        till.bank.write_errors.append(LOST)

        text = send(owner, page(payment, "/refund"), form)

        assert "has not answered yet whether $5.00 was given back" in text

    def test_nothing_is_where_nothing_was_paid(self, owner: Client, till: Till) -> None:
        payment = till.sell("decline")

        assert "Refund…" not in show(owner, page(payment))
        refused(owner, page(payment, "/refund"), {"amount": "1", "request_key": "k"}, 409)
