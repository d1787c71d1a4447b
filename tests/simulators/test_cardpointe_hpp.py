"""The hosted payment page, and its unsigned callback with what can go wrong with it."""

import json
import urllib.parse
from typing import Any

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID
from tests.simulators.receiver import Receiver

FORM = {
    "total": "54.80",
    "invoice": "KQWZBTRNLMXCVFGHJD",
    "number": "4111111111111111",
    "month": "12",
    "year": "2030",
    "cvv": "123",
    "billZip": "67202",
}


@pytest.fixture
def page(gateway: CardPointeSimulator, receiver: Receiver) -> CardPointeSimulator:
    """A gateway whose first merchant has a payment page that calls back."""
    gateway.put_merchant(merchid=FNOR_MID, hpp_url=f"{receiver.url}/hook")
    return gateway


def body(receiver: Receiver, number: int = -1) -> Any:
    return json.loads(receiver.received[number].body)


class TestPage:
    def test_takes_the_total_from_the_address_and_lets_the_payer_change_it(
        self, page: CardPointeSimulator
    ) -> None:
        shown = page.http.get("/hpp/till/pay?total=54.80&invoice=ABC").text

        paid = page.pay_on_page(**{**FORM, "total": "1.00"})

        assert 'name="total" value="54.80"' in shown
        assert 'name="invoice" value="ABC"' in shown
        assert "Thank you" in paid.text
        assert page.inquire_order(FORM["invoice"])["amount"] == "1.00"

    def test_of_nobody_is_404(self, page: CardPointeSimulator) -> None:
        assert page.http.get("/hpp/nobody/pay").status_code == 404

    def test_does_not_run_what_the_address_says(self, page: CardPointeSimulator) -> None:
        shown = page.http.get("/hpp/till/pay", params={"invoice": '"><script>'}).text

        assert "<script>" not in shown


class TestCallback:
    @pytest.mark.parametrize(
        ("form", "kind"),
        [
            ("form", "application/x-www-form-urlencoded"),
            ("bare", "application/x-www-form-urlencoded"),
            ("raw", "application/json"),
        ],
    )
    def test_comes_in_three_forms(
        self, page: CardPointeSimulator, receiver: Receiver, form: str, kind: str
    ) -> None:
        page.settings(hpp_body=form)
        page.pay_on_page(**FORM)

        assert [row["status"] for row in page.callbacks()] == [200]
        (one,) = receiver.received
        text = one.body.decode()
        if form != "raw":
            text = urllib.parse.unquote_plus(text.removeprefix("json="))
        told = json.loads(text)
        assert one.headers["content-type"] == kind
        assert (told["total"], told["invoice"]) == ("54.80", FORM["invoice"])
        assert told["merchantId"] == FNOR_MID
        retref = told["gatewayTransactionId"]
        assert page.inquire_order(FORM["invoice"])["retref"] == retref
        assert not [name for name in one.headers if "signature" in name.lower()]

    def test_tells_of_success_only(self, page: CardPointeSimulator) -> None:
        shown = page.pay_on_page(**{**FORM, "number": "4387751111111053"})

        assert 'role="alert"' in shown.text
        assert page.callbacks() == []
        assert page.inquire_order(FORM["invoice"])["respstat"] == "C"

    def test_can_come_twice(self, page: CardPointeSimulator, receiver: Receiver) -> None:
        page.settings(hpp_mode="duplicate")

        page.pay_on_page(**FORM)

        assert len(page.callbacks()) == 2
        assert receiver.received[0].body == receiver.received[1].body

    def test_can_come_later(self, page: CardPointeSimulator, receiver: Receiver) -> None:
        page.settings(hpp_mode="delayed", hpp_delay_s=3600)
        page.pay_on_page(**FORM)
        assert [row["state"] for row in page.callbacks()] == ["waiting"]

        page.advance(3600)

        assert [row["state"] for row in page.callbacks()] == ["sent"]

    def test_can_be_lost_and_made_up_for(
        self, page: CardPointeSimulator, receiver: Receiver
    ) -> None:
        page.settings(hpp_mode="lost")
        page.pay_on_page(**FORM)
        assert [row["state"] for row in page.callbacks()] == ["lost"]
        assert receiver.received == []

        page.send_lost_callbacks()

        assert [row["state"] for row in page.callbacks()] == ["sent"]

    @pytest.mark.parametrize(
        ("mode", "field", "true"),
        [
            ("forged_amount", "total", "54.80"),
            ("forged_merchant", "merchantId", FNOR_MID),
            ("forged_retref", "gatewayTransactionId", None),
        ],
    )
    def test_can_be_forged(
        self, page: CardPointeSimulator, receiver: Receiver, mode: str, field: str, true: Any
    ) -> None:
        page.settings(hpp_mode=mode, hpp_body="raw")
        page.pay_on_page(**FORM)
        page.callbacks()

        true = true or page.inquire_order(FORM["invoice"])["retref"]
        assert body(receiver)[field] != true

    def test_anybody_can_make_one_up(self, page: CardPointeSimulator, receiver: Receiver) -> None:
        page.settings(hpp_body="raw")
        page.forge_callback(f"{receiver.url}/hook", {"invoice": "MINE", "total": "0.01"})

        page.callbacks()

        assert body(receiver) == {"invoice": "MINE", "total": "0.01"}
