"""Payments that went past the provider: the same for every driver."""

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.enums import InvoiceStatus
from billing.types import InvoiceSnapshot
from tests.contract.driver_steps import able, start
from tests.contract.sandboxes import Sandbox, new_key

OWED = 2 * 2900


def unpaid(sandbox: Sandbox) -> str:
    """Start a subscription that nobody has paid; return the id of its invoice."""
    return start(sandbox, "").latest_invoice_id


def mark_paid(
    sandbox: Sandbox, invoice: str, amount: int = OWED, reference: str = "ZB-77"
) -> InvoiceSnapshot:
    return sandbox.driver.settle_by_hand(
        invoice, amount_minor=amount, reference=reference, idempotency_key=new_key()
    )


class TestSettleByHand:
    def test_the_whole_amount_pays_the_invoice(self, subscribing: Sandbox) -> None:
        invoice = unpaid(subscribing)

        paid = mark_paid(subscribing, invoice)

        assert (paid.external_id, paid.status) == (invoice, InvoiceStatus.PAID)
        assert paid.amount_remaining_minor == 0
        assert (paid.amount_paid_minor, paid.paid_elsewhere_minor) == (0, OWED)
        assert paid.paid_at is not None
        assert subscribing.driver.retrieve_invoice(invoice) == paid

    def test_the_same_payment_counts_once(self, subscribing: Sandbox) -> None:
        invoice = unpaid(subscribing)
        first = mark_paid(subscribing, invoice)

        assert mark_paid(subscribing, invoice) == first

    @pytest.mark.parametrize(
        ("amount", "detail"), [(OWED + 1, "amount_too_large"), (0, "amount_invalid")]
    )
    def test_an_amount_that_is_not_owed_changes_nothing(
        self, subscribing: Sandbox, amount: int, detail: str
    ) -> None:
        invoice = unpaid(subscribing)

        with pytest.raises(DriverRejected) as caught:
            mark_paid(subscribing, invoice, amount)

        assert (caught.value.code, caught.value.detail) == ("INVALID_REQUEST", detail)
        found = subscribing.driver.retrieve_invoice(invoice)
        assert (found.status, found.amount_remaining_minor) == (InvoiceStatus.OPEN, OWED)

    def test_parts_add_up(self, subscribing: Sandbox) -> None:
        able(subscribing, "part_payments")
        invoice = unpaid(subscribing)

        part = mark_paid(subscribing, invoice, 1000)

        assert (part.status, part.amount_remaining_minor) == (InvoiceStatus.OPEN, OWED - 1000)
        assert part.paid_elsewhere_minor == 1000
        assert mark_paid(subscribing, invoice, 1000) == part
        rest = mark_paid(subscribing, invoice, OWED - 1000, "ZB-78")
        assert (rest.status, rest.paid_elsewhere_minor) == (InvoiceStatus.PAID, OWED)

    def test_a_part_is_refused_by_those_who_know_none(self, subscribing: Sandbox) -> None:
        if subscribing.driver.capabilities.part_payments:
            pytest.skip(f"{subscribing.provider} takes parts")
        invoice = unpaid(subscribing)

        with pytest.raises(DriverRejected) as caught:
            mark_paid(subscribing, invoice, 1000)

        assert caught.value.detail == "partial_not_supported"
        assert subscribing.driver.retrieve_invoice(invoice).amount_remaining_minor == OWED

    def test_what_is_nowhere_is_missing(self, subscribing: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            mark_paid(subscribing, "nothing_1")


class TestWriteOffInvoice:
    def test_it_is_given_up_and_can_still_be_paid(self, subscribing: Sandbox) -> None:
        invoice = unpaid(subscribing)

        given_up = subscribing.driver.write_off_invoice(invoice, idempotency_key=new_key())

        assert given_up.status is InvoiceStatus.UNCOLLECTIBLE
        assert given_up.written_off_at is not None
        assert mark_paid(subscribing, invoice).status is InvoiceStatus.PAID

    def test_what_is_paid_is_not_given_up(self, subscribing: Sandbox) -> None:
        invoice = unpaid(subscribing)
        mark_paid(subscribing, invoice)

        with pytest.raises(DriverRejected) as caught:
            subscribing.driver.write_off_invoice(invoice, idempotency_key=new_key())

        assert caught.value.detail == "invoice_not_open"
