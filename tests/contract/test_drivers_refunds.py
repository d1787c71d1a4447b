"""Money back: the same for every driver that moves money."""

import uuid

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing, OutcomeUnknown
from billing.enums import RefundStatus
from billing.types import ChargeSnapshot, RefundSnapshot
from tests.contract.driver_steps import start
from tests.contract.sandboxes import Sandbox, new_key

CHARGED = 2 * 2900


def paid(sandbox: Sandbox) -> str:
    """Start a subscription; return the id of its payment."""
    payment = start(sandbox, sandbox.good_card).latest_payment
    assert payment is not None
    assert payment.external_id
    return payment.external_id


def give_back(
    sandbox: Sandbox, payment: str, amount: int, *, reference: str = "", key: str = ""
) -> RefundSnapshot:
    return sandbox.driver.refund_payment(
        payment,
        amount_minor=amount,
        reason="requested_by_customer",
        reference=reference or uuid.uuid4().hex[:18],
        idempotency_key=key or new_key(),
    )


def ask(sandbox: Sandbox, payment: str) -> ChargeSnapshot:
    return sandbox.driver.retrieve_payment(payment)


class TestRefunds:
    def test_a_payment_says_what_was_taken(self, collecting: Sandbox) -> None:
        payment = paid(collecting)

        found = ask(collecting, payment)

        assert (found.provider, found.external_payment_id) == (collecting.provider, payment)
        assert (found.captured_minor, found.currency, found.refunds) == (CHARGED, "USD", ())
        assert found.refundable_minor == CHARGED
        assert found.external_id
        assert found.external_customer_id

    def test_parts_add_up_and_carry_our_references(self, collecting: Sandbox) -> None:
        payment = paid(collecting)

        first = give_back(collecting, payment, 800, reference="refone")
        rest = give_back(collecting, payment, CHARGED - 800, reference="reftwo")

        assert (first.status, first.amount_minor, first.currency) == (
            RefundStatus.SUCCEEDED,
            800,
            "USD",
        )
        found = ask(collecting, payment)
        given = {row.reference: (row.external_id, row.amount_minor) for row in found.refunds}
        assert given == {
            "refone": (first.external_id, 800),
            "reftwo": (rest.external_id, CHARGED - 800),
        }
        assert found.refundable_minor == 0

    def test_never_more_than_was_taken(self, collecting: Sandbox) -> None:
        payment = paid(collecting)
        give_back(collecting, payment, 800)

        with pytest.raises(DriverRejected) as caught:
            give_back(collecting, payment, CHARGED - 799)

        assert caught.value.code == "INVALID_REQUEST"
        assert ask(collecting, payment).refundable_minor == CHARGED - 800

    def test_the_same_key_gives_back_once(self, collecting: Sandbox) -> None:
        payment, key = paid(collecting), new_key()

        first = give_back(collecting, payment, 800, reference="refone", key=key)
        again = give_back(collecting, payment, 800, reference="refone", key=key)

        assert again == first
        assert len(ask(collecting, payment).refunds) == 1

    @pytest.mark.parametrize("processed", [True, False])
    def test_a_lost_answer_is_unknown_and_found_by_our_reference(
        self, collecting: Sandbox, *, processed: bool
    ) -> None:
        payment, lost = paid(collecting), uuid.uuid4().hex[:18]
        collecting.lose_next_answer(processed=processed, of="refund")

        with pytest.raises(OutcomeUnknown):
            give_back(collecting, payment, 800, reference=lost)

        found = [row.reference for row in ask(collecting, payment).refunds]
        assert found == ([lost] if processed else [])

    def test_nothing_is_refundable_of_what_was_not_paid(self, collecting: Sandbox) -> None:
        invoice = start(collecting, "").latest_invoice
        assert invoice is not None
        if not invoice.external_payment_id:
            pytest.skip(f"{collecting.provider} has no payment before somebody pays")

        found = ask(collecting, invoice.external_payment_id)

        assert (found.captured_minor, found.refundable_minor, found.external_id) == (0, 0, "")
        with pytest.raises(DriverRejected):
            give_back(collecting, invoice.external_payment_id, 100)

    def test_what_is_nowhere_is_missing(self, collecting: Sandbox) -> None:
        with pytest.raises(ObjectMissing):
            ask(collecting, "nothing_1")
        with pytest.raises(DriverRejected):
            give_back(collecting, "nothing_1", 100)

    def test_nobody_there_gives_nothing_back(self, collecting: Sandbox, settings: object) -> None:
        payment = paid(collecting)
        collecting.refuse_connections(settings)

        with pytest.raises(DriverUnavailable):
            give_back(collecting, payment, 100)
