"""Refunds, credit notes and disputes as Stripe's driver reads them."""

from datetime import UTC, datetime

import pytest

from billing.drivers.base import ObjectMissing
from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus
from billing.types import (
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    RefundSnapshot,
)
from tests.billing import stripe_builders as build
from tests.billing.stripe_invoice_cases import charge_of, credit, paid, refund, sent
from tests.simulators.stripe.client import StripeSimulator


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class TestRetrieveCharge:
    def test_names_its_payer_and_every_refund(self, stripe: StripeSimulator) -> None:
        started = paid()
        charge = charge_of(stripe, started)
        first = refund(stripe, charge, 500)
        second = sent(
            stripe, "/v1/refunds", {"charge": charge, "amount": 700, "reason": "duplicate"}
        )

        found = build.driver().retrieve_charge(charge)

        assert started.latest_invoice is not None
        assert found == ChargeSnapshot(
            provider=Provider.STRIPE,
            external_id=charge,
            external_payment_id=started.latest_invoice.external_payment_id,
            external_customer_id=started.external_customer_id,
            refunds=(
                RefundSnapshot(
                    second["id"],
                    RefundStatus.SUCCEEDED,
                    700,
                    "USD",
                    moment(second["created"]),
                    "duplicate",
                ),
                RefundSnapshot(
                    first["id"], RefundStatus.SUCCEEDED, 500, "USD", moment(first["created"])
                ),
            ),
            captured_minor=2900,
            currency="USD",
        )

    def test_one_without_refunds_has_none(self, stripe: StripeSimulator) -> None:
        assert build.driver().retrieve_charge(charge_of(stripe, paid())).refunds == ()

    def test_a_stranger_is_missing(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_charge("ch_of_nobody")


class TestRetrieveCreditNote:
    def test_says_what_was_taken_back_of_which_invoice(self, stripe: StripeSimulator) -> None:
        started = paid()
        note = credit(
            stripe,
            started.latest_invoice_id,
            500,
            credit_amount=500,
            reason="order_change",
            memo="One day of outage",
        )

        found = build.driver().retrieve_credit_note(note["id"])

        assert found == CreditNoteSnapshot(
            provider=Provider.STRIPE,
            external_id=note["id"],
            external_invoice_id=started.latest_invoice_id,
            external_customer_id=started.external_customer_id,
            status=CreditNoteStatus.ISSUED,
            amount_minor=500,
            currency="USD",
            created_at=moment(note["created"]),
            number=note["number"],
            reason="order_change",
            memo="One day of outage",
        )
        invoice = build.driver().retrieve_invoice(started.latest_invoice_id)
        assert invoice.credited_minor == 500

    def test_a_stranger_is_missing(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_credit_note("cn_of_nobody")


class TestRetrieveDispute:
    def test_names_its_payer_and_until_when_to_answer(self, stripe: StripeSimulator) -> None:
        started = paid()
        charge = charge_of(stripe, started)
        dispute = stripe.dispute(charge, reason="product_not_received")

        found = build.driver().retrieve_dispute(dispute["id"])

        assert started.latest_invoice is not None
        assert found == DisputeSnapshot(
            provider=Provider.STRIPE,
            external_id=dispute["id"],
            status=DisputeStatus.NEEDS_RESPONSE,
            amount_minor=2900,
            currency="USD",
            created_at=moment(dispute["created"]),
            reason="product_not_received",
            evidence_due_at=moment(dispute["evidence_details"]["due_by"]),
            external_charge_id=charge,
            external_payment_id=started.latest_invoice.external_payment_id,
            external_customer_id=started.external_customer_id,
        )

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_tells_how_it_was_decided(self, stripe: StripeSimulator, outcome: str) -> None:
        dispute = stripe.dispute(charge_of(stripe, paid()))
        stripe.decide_dispute(dispute["id"], outcome)

        found = build.driver().retrieve_dispute(dispute["id"])

        assert found.status == outcome

    def test_a_stranger_is_missing(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_dispute("du_of_nobody")
