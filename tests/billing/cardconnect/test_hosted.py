"""Callbacks of the hosted payment page: hints, never proof."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable, PaymentDriver, SignatureInvalid
from billing.drivers.cardconnect import calls
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.enums import Provider
from billing.models import MerchantAccount, PaymentAttempt
from billing.types import NormalizedEvent, Subject
from orgs import references
from orgs.models import Organization
from tests.factories_billing import ObligationFactory, PaymentAttemptFactory
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID

pytestmark = pytest.mark.usefixtures("account")
SECRET = "x" * 24


@pytest.fixture
def driver() -> PaymentDriver:
    return registry.get_driver(Provider.CARDCONNECT)


@pytest.fixture
def attempt(org: Organization) -> PaymentAttempt:
    """A try at 49.00 that waits for somebody to pay on the page."""
    debt = ObligationFactory.create(
        organization=org, amount_minor=4900, currency="USD", subscription__external_id="cc_sub_1"
    )
    return PaymentAttemptFactory.create(
        organization=org,
        obligation=debt,
        provider=Provider.CARDCONNECT,
        our_reference=references.new_reference(),
    )


def pay(simulator: CardPointeSimulator, orderid: str, amount: str = "49.00", **more: str) -> str:
    """Pay at the gateway under an order id; return its reference."""
    body = {
        "account": simulator.tokenize("4788250000121443"),
        "expiry": "1230",
        "amount": amount,
        "orderid": orderid,
        "capture": "Y",
        "ecomind": "E",
        **more,
    }
    return str(simulator.call("auth", body)["retref"])


def hint(retref: str, **changes: str) -> dict[str, str]:
    return {
        "merchantId": FNOR_MID,
        "gatewayTransactionId": retref,
        "invoice": "KQWZBTRNLMXCVFGHJD",
        "total": "49.00",
        "token": "9418594164541111",
        "billFName": "Joe",
        **changes,
    }


def told(driver: PaymentDriver, body: dict[str, str]) -> NormalizedEvent:
    webhook = driver.verify_webhook(json.dumps(body).encode(), {}, secret=SECRET)
    return driver.normalize_webhook(json.loads(webhook.body))


class TestReading:
    @pytest.mark.parametrize("form", ["form", "bare", "raw"])
    def test_takes_all_three_forms(self, driver: PaymentDriver, form: str) -> None:
        text = json.dumps(hint("363652261392"))
        body = {"form": urlencode({"json": text}), "bare": quote(text), "raw": text}[form]

        webhook = driver.verify_webhook(body.encode(), {}, secret=SECRET)

        assert webhook.type == "hosted.paid"
        assert json.loads(webhook.body)["retref"] == "363652261392"

    def test_keeps_nothing_of_the_payer(self, driver: PaymentDriver) -> None:
        body = json.dumps(hint("363652261392")).encode()

        webhook = driver.verify_webhook(body, {}, secret=SECRET)

        assert set(json.loads(webhook.body)) == {"id", "type", "merchid", "retref"}

    def test_the_same_payment_is_the_same_event(self, driver: PaymentDriver) -> None:
        ids = {
            driver.verify_webhook(
                json.dumps(hint("363652261392", total=total)).encode(), {}, secret=SECRET
            ).external_id
            for total in ("49.00", "1.00")
        }

        assert len(ids) == 1

    @pytest.mark.parametrize(
        "body",
        [b"", b"{}", b"[]", b"x", b"\xff", b"json=", b"json=[]", b'{"merchantId": "1"}']
        + [json.dumps(hint(retref)).encode() for retref in ("", "../x", "1" * 15, "12a")]
        + [json.dumps(hint("1", merchantId="4961/x")).encode()],
    )
    def test_refuses_what_names_no_transaction(self, driver: PaymentDriver, body: bytes) -> None:
        with pytest.raises(SignatureInvalid):
            driver.verify_webhook(body, {}, secret=SECRET)

    def test_without_a_secret_nothing_is_read(self, driver: PaymentDriver) -> None:
        with pytest.raises(SignatureInvalid):
            driver.verify_webhook(json.dumps(hint("1")).encode(), {}, secret="")


class TestVerifying:
    def test_a_true_one_leads_to_what_was_paid(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        retref = pay(simulator, attempt.our_reference)

        for _ in range(2):
            event = told(driver, hint(retref))
            assert event.type == "billing.hosted_payment.succeeded"
            assert event.subject == Subject("subscription", "cc_sub_1")

        row = GatewayTransaction.objects.get(kind="hosted")
        assert (row.retref, row.amount_minor, row.organization_id) == (
            retref,
            4900,
            attempt.organization_id,
        )

    def ignored(self, driver: PaymentDriver, body: dict[str, str]) -> None:
        event = told(driver, body)
        assert (event.type, event.subject) == ("billing.event.ignored", None)
        assert not GatewayTransaction.objects.exists()

    def test_one_about_nothing_is_ignored(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        self.ignored(driver, hint("999999999999"))

    def test_an_order_of_nobodys_is_ignored(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        retref = pay(simulator, references.new_reference())

        self.ignored(driver, hint(retref, invoice=attempt.our_reference))

    def test_less_than_is_owed_is_ignored_whatever_it_says(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        retref = pay(simulator, attempt.our_reference, "1.00")

        self.ignored(driver, hint(retref, total="49.00"))

    def test_a_declined_or_voided_payment_is_ignored(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        voided = pay(simulator, attempt.our_reference)
        simulator.call("void", {"retref": voided})
        declined = pay(
            simulator,
            attempt.our_reference,
            account=simulator.tokenize("4387751111111053"),
        )

        self.ignored(driver, hint(voided))
        self.ignored(driver, hint(declined))

    @pytest.mark.parametrize("merchid", [RPCT_MID, "800000000264", "1"])
    def test_another_merchants_is_ignored(
        self,
        simulator: CardPointeSimulator,
        driver: PaymentDriver,
        attempt: PaymentAttempt,
        merchid: str,
    ) -> None:
        retref = pay(simulator, attempt.our_reference)

        self.ignored(driver, hint(retref, merchantId=merchid))

    def test_an_account_that_is_off_is_ignored(
        self,
        simulator: CardPointeSimulator,
        driver: PaymentDriver,
        attempt: PaymentAttempt,
        account: MerchantAccount,
    ) -> None:
        retref = pay(simulator, attempt.our_reference)
        account.is_active = False
        account.save()

        self.ignored(driver, hint(retref))

    def test_it_waits_while_the_gateway_does_not_answer(
        self, simulator: CardPointeSimulator, driver: PaymentDriver, attempt: PaymentAttempt
    ) -> None:
        retref = pay(simulator, attempt.our_reference)
        simulator.add_fault("inquiry_down")

        with pytest.raises(DriverUnavailable):
            told(driver, hint(retref))
        assert told(driver, hint(retref)).subject is not None


def test_a_hint_is_no_argument_of_an_address(driver: PaymentDriver, simulator: Any) -> None:
    with pytest.raises(SignatureInvalid):
        told(driver, hint("1/2"))
    assert simulator.requests() == []


class TestTheGatewaysWord:
    @pytest.mark.parametrize(
        "change",
        [
            {"setlstat": "Voided"},
            {"setlstat": "Declined"},
            {"respstat": "C"},
            {"respstat": "A", "respproc": "PPS", "respcode": "26"},
            {"merchid": RPCT_MID},
            {"respproc": "PPS", "respcode": "29"},
        ],
    )
    def test_counts_in_every_field(
        self,
        driver: PaymentDriver,
        attempt: PaymentAttempt,
        monkeypatch: pytest.MonkeyPatch,
        change: dict[str, str],
    ) -> None:
        row = {
            "respstat": "A",
            "respproc": "FNOR",
            "respcode": "00",
            "setlstat": "Queued for Capture",
            "retref": "363652261392",
            "amount": "49.00",
            "merchid": FNOR_MID,
            "orderid": attempt.our_reference,
        }
        answers = [[row | change], [row]]
        monkeypatch.setattr(calls, "inquire", lambda *_: answers.pop(0))

        assert told(driver, hint("363652261392")).subject is None
        assert told(driver, hint("363652261392")).subject is not None
