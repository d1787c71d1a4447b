"""What a provider does with payments that went past it, seen by staff on an account."""

from typing import Protocol

from billing.types import InvoiceSnapshot


class ByHandCalls(Protocol):
    """Marking invoices as paid, and giving them up. Errors as in `PaymentDriver`."""

    def settle_by_hand(
        self, external_id: str, *, amount_minor: int, reference: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Note that an open invoice was paid, in full or in part, past the provider.

        `reference` names the payment (what stands on the account): the same one counts once for
        an invoice, whatever the key.

        Raises:
            DriverRejected: INVALID_REQUEST; `invoice_not_open` for one that is paid or void,
                `amount_too_large`, `amount_invalid`, `partial_not_supported`.
            OutcomeUnknown: a charge of it is undecided, or no usable answer came back.
        """
        ...

    def write_off_invoice(self, external_id: str, *, idempotency_key: str) -> InvoiceSnapshot:
        """Give an open invoice up as uncollectible; it can still be paid.

        Raises:
            DriverRejected: INVALID_REQUEST; `invoice_not_open`.
            OutcomeUnknown: a charge of it is undecided, or no usable answer came back.
        """
        ...
