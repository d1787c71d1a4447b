"""Invoices: the same for every driver."""

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing
from billing.enums import InvoiceStatus, SubscriptionStatus
from billing.types import InvoiceSnapshot
from tests.contract.driver_steps import attach, start
from tests.contract.sandboxes import Sandbox, new_key


def pay(sandbox: Sandbox, invoice: str, method: str) -> InvoiceSnapshot:
    return sandbox.driver.pay_invoice(invoice, payment_method=method, idempotency_key=new_key())


class TestInvoices:
    def test_a_start_brings_its_invoice_along(self, collecting: Sandbox) -> None:
        snapshot = start(collecting, collecting.good_card)

        invoice = snapshot.latest_invoice

        assert invoice is not None
        assert invoice == collecting.driver.retrieve_invoice(snapshot.latest_invoice_id)
        assert (invoice.provider, invoice.status) == (collecting.provider, InvoiceStatus.PAID)
        assert invoice.external_customer_id == snapshot.external_customer_id
        assert invoice.external_subscription_id == snapshot.external_id
        assert invoice.total_minor == invoice.amount_paid_minor == 2 * 2900
        assert invoice.amount_remaining_minor == 0
        assert invoice.currency == "USD"
        assert invoice.number
        assert invoice.paid_at is not None
        assert sum(line.amount_minor for line in invoice.lines) == invoice.subtotal_minor
        assert invoice.has_all_lines

    def test_an_open_one_is_paid_with_the_card_that_is_named(self, collecting: Sandbox) -> None:
        waiting = start(collecting, "")
        method = attach(collecting, waiting.external_customer_id)

        paid = pay(collecting, waiting.latest_invoice_id, method)

        assert paid.status is InvoiceStatus.PAID
        assert paid.external_id == waiting.latest_invoice_id
        after = collecting.driver.retrieve_subscription(waiting.external_id)
        assert after.status is SubscriptionStatus.ACTIVE
        assert pay(collecting, waiting.latest_invoice_id, method) == paid

    def test_a_refused_card_leaves_it_open(self, collecting: Sandbox) -> None:
        waiting = start(collecting, "")
        payer = waiting.external_customer_id
        method = attach(collecting, payer, collecting.refused_card)

        with pytest.raises(DriverRejected) as caught:
            pay(collecting, waiting.latest_invoice_id, method)

        assert (caught.value.code, caught.value.decline_code) == (
            "CARD_DECLINED",
            collecting.refusal,
        )
        invoice = collecting.driver.retrieve_invoice(waiting.latest_invoice_id)
        assert invoice.status is InvoiceStatus.OPEN

    def test_what_is_nowhere_is_missing(self, subscribing: Sandbox) -> None:
        driver = subscribing.driver
        for ask in (
            driver.retrieve_invoice,
            driver.retrieve_charge,
            driver.retrieve_credit_note,
            driver.retrieve_dispute,
        ):
            with pytest.raises(ObjectMissing):
                ask("nothing_1")

    def test_nobody_there_is_no_answer(self, remote: Sandbox, settings: object) -> None:
        remote.refuse_connections(settings)

        with pytest.raises(DriverUnavailable):
            remote.driver.retrieve_invoice("nothing_1")
