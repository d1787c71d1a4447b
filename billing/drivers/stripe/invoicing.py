"""The calls of Stripe's driver that are about invoices."""

from billing.drivers.invoice_calls import InvoiceCalls
from billing.drivers.stripe import invoices
from billing.types import InvoiceSnapshot


class Invoicing(InvoiceCalls):
    """Invoices, at the pinned API version."""

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
