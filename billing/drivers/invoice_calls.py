"""What a provider does with invoices, and with money that goes back."""

from typing import Protocol

from billing.types import (
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    RefundSnapshot,
)


class InvoiceCalls(Protocol):
    """Reading and paying invoices. Errors as in `PaymentDriver`.

    Each question raises `ObjectMissing` where there is nothing with this id.
    """

    def retrieve_invoice(self, external_id: str) -> InvoiceSnapshot:
        """Ask for an invoice as it is now, with every line."""
        ...

    def pay_invoice(
        self, external_id: str, *, payment_method: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Charge an open invoice now, its payer at hand; one that is paid is returned as it is.

        Without `payment_method` it is charged to what the subscription or the payer names.

        Raises:
            DriverRejected: CARD_DECLINED, also when the card holder has to confirm first (the
                subscription's latest payment then has the secret for it); INVALID_REQUEST for an
                invoice that can't be paid any more.
            DriverUnavailable: provably not charged.
            OutcomeUnknown: sent, no usable answer.
        """
        ...

    def retrieve_charge(self, external_id: str) -> ChargeSnapshot:
        """Ask for a payment that went through, with all that was refunded of it."""
        ...

    def retrieve_payment(self, external_payment_id: str) -> ChargeSnapshot:
        """Ask for a payment by the id that invoices know it by: what was taken and given back.

        This is how an unknown refund is decided: each of ours carries our reference.
        """
        ...

    def refund_payment(
        self,
        external_payment_id: str,
        *,
        amount_minor: int,
        reason: str,
        reference: str,
        idempotency_key: str,
    ) -> RefundSnapshot:
        """Give back a payment or a part of it, in minor units of its currency.

        `reason` is a `RefundReason`; `reference` is ours, and is kept with the refund.

        Raises:
            DriverRejected: more than is left of it, disputed, or never paid: nothing was given.
            DriverUnavailable: provably nothing was given.
            OutcomeUnknown: sent, no usable answer: ask with `retrieve_payment`.
        """
        ...

    def retrieve_credit_note(self, external_id: str) -> CreditNoteSnapshot:
        """Ask for a credit note as it is now."""
        ...

    def retrieve_dispute(self, external_id: str) -> DisputeSnapshot:
        """Ask for a dispute as it is now."""
        ...
