"""The calls of Stripe's driver that are about invoices, and about money that goes back."""

from billing.drivers.by_hand_calls import ByHandCalls
from billing.drivers.invoice_calls import InvoiceCalls
from billing.drivers.stripe import by_hand, invoices, reversals
from billing.types import (
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    RefundSnapshot,
)


class Invoicing(ByHandCalls, InvoiceCalls):
    """Invoices, refunds, credit notes and disputes, at the pinned API version."""

    def retrieve_invoice(self, external_id: str) -> InvoiceSnapshot:
        """Ask for an invoice as it is now, with every line."""
        return invoices.retrieve(external_id)

    def pay_invoice(
        self, external_id: str, *, payment_method: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Charge an open invoice now; one that is paid is returned as it is."""
        return invoices.pay(
            external_id, payment_method=payment_method, idempotency_key=idempotency_key
        )

    def settle_by_hand(
        self,
        external_id: str,
        *,
        amount_minor: int,
        reference: str,  # noqa: ARG002 - Stripe has no place for it: our own row keeps it
        idempotency_key: str,
    ) -> InvoiceSnapshot:
        """Mark an open invoice as paid outside of Stripe, as a whole."""
        return by_hand.settle(
            external_id, amount_minor=amount_minor, idempotency_key=idempotency_key
        )

    def write_off_invoice(self, external_id: str, *, idempotency_key: str) -> InvoiceSnapshot:
        """Give an open invoice up as uncollectible."""
        return by_hand.write_off(external_id, idempotency_key=idempotency_key)

    def retrieve_charge(self, external_id: str) -> ChargeSnapshot:
        """Ask for a charge with its refunds."""
        return reversals.retrieve_charge(external_id)

    def retrieve_payment(self, external_payment_id: str) -> ChargeSnapshot:
        """Ask for a payment intent's charge with its refunds."""
        return reversals.retrieve_payment(external_payment_id)

    def refund_payment(
        self,
        external_payment_id: str,
        *,
        amount_minor: int,
        reason: str,
        reference: str,
        idempotency_key: str,
    ) -> RefundSnapshot:
        """Give back a payment intent's charge, or a part of it."""
        return reversals.refund(
            external_payment_id,
            amount_minor=amount_minor,
            reason=reason,
            reference=reference,
            idempotency_key=idempotency_key,
        )

    def retrieve_credit_note(self, external_id: str) -> CreditNoteSnapshot:
        """Ask for a credit note as it is now."""
        return reversals.retrieve_credit_note(external_id)

    def retrieve_dispute(self, external_id: str) -> DisputeSnapshot:
        """Ask for a dispute as it is now."""
        return reversals.retrieve_dispute(external_id)
