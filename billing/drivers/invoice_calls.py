"""What a provider does with invoices."""

from typing import Protocol

from billing.types import InvoiceSnapshot


class InvoiceCalls(Protocol):
    """Reading and paying invoices. Errors as in `PaymentDriver`."""

    def retrieve_invoice(self, external_id: str) -> InvoiceSnapshot:
        """Ask for an invoice as it is now, with every line.

        Raises:
            ObjectMissing: there is none with this id.
        """
        ...

    def pay_invoice(
        self, external_id: str, *, payment_method: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Charge an open invoice now, its payer at hand; one that is paid is returned as it is.

        Raises:
            DriverRejected: CARD_DECLINED, also when the card holder has to confirm first (the
                subscription's latest payment then has the secret for it); INVALID_REQUEST for an
                invoice that can't be paid any more.
            DriverUnavailable: provably not charged.
            OutcomeUnknown: sent, no usable answer.
        """
        ...
