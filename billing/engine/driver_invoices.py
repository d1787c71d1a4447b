"""The engine's answers about invoices and payments, and what our own runner asks of it."""

import abc
from datetime import datetime

from billing.drivers.base import ObjectMissing
from billing.drivers.by_hand_calls import ByHandCalls
from billing.drivers.invoice_calls import InvoiceCalls
from billing.engine import credit_notes, paying, refunding, renewing
from billing.engine.house import House
from billing.engine.paying import ByHand
from billing.engine.renewing import Step
from billing.types import (
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    InvoiceSnapshot,
    RefundSnapshot,
    SubscriptionSnapshot,
)


class Invoicing(ByHandCalls, InvoiceCalls):
    """Invoices, payments and refunds; then what only a provider of our own is asked for."""

    @abc.abstractmethod
    def house(self) -> House:
        """Return whose rows these are, with the rail."""

    def retrieve_invoice(self, external_id: str) -> InvoiceSnapshot:
        """Ask for an invoice as it is now, with every line."""
        return paying.retrieve(self.house(), external_id)

    def pay_invoice(
        self, external_id: str, *, payment_method: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Charge an open invoice now, its payer at hand."""
        return paying.pay(self.house(), external_id, method=payment_method, key=idempotency_key)

    def retrieve_charge(self, external_id: str) -> ChargeSnapshot:
        """Ask for a payment that went through: it has one name here."""
        found = refunding.retrieve(self.house(), external_id)
        if not found.external_id:
            raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
        return found

    def retrieve_payment(self, external_payment_id: str) -> ChargeSnapshot:
        """Ask for a payment by the id that invoices know it by."""
        return refunding.retrieve(self.house(), external_payment_id)

    def refund_payment(
        self,
        external_payment_id: str,
        *,
        amount_minor: int,
        reason: str,
        reference: str,
        idempotency_key: str,
    ) -> RefundSnapshot:
        """Give back a payment or a part of it."""
        return refunding.refund(
            self.house(),
            external_payment_id,
            amount_minor=amount_minor,
            reason=reason,
            reference=reference,
            key=idempotency_key,
        )

    def retrieve_credit_note(self, external_id: str) -> CreditNoteSnapshot:
        """Ask for a credit note: each refund that was given has one."""
        return credit_notes.retrieve(self.house().provider, external_id)

    def retrieve_dispute(self, external_id: str) -> DisputeSnapshot:
        """Find nothing: disputes reach us outside of it."""
        raise ObjectMissing("INVALID_REQUEST", detail=f"no_disputes {external_id}"[:100])

    # --- What time and staff do -------------------------------------------------------------------

    def advance(self, external_id: str, *, now: datetime | None = None) -> Step:
        """Do the next thing that is due for a subscription."""
        return renewing.advance(self.house(), external_id, now=now)

    def retry_invoice(self, external_id: str, *, now: datetime | None = None) -> Step:
        """Charge an open invoice again, on our own initiative."""
        return renewing.retry(self.house(), external_id, now=now)

    def plan_retry(self, external_id: str, *, at: datetime | None) -> None:
        """Set when the dunning policy looks at an open invoice again."""
        renewing.plan_retry(self.house(), external_id, at=at)

    def mark_unpaid(self, external_id: str) -> SubscriptionSnapshot:
        """Let an overdue subscription be unpaid: no try is left."""
        return renewing.mark_unpaid(self.house(), external_id)

    def settle_by_hand(
        self, external_id: str, *, amount_minor: int, reference: str, idempotency_key: str
    ) -> InvoiceSnapshot:
        """Note that an open invoice was paid, in full or in part, past the rail."""
        del idempotency_key  # the reference of the payment is what counts once
        return paying.settle_by_hand(self.house(), external_id, ByHand(amount_minor, reference))

    def write_off_invoice(self, external_id: str, *, idempotency_key: str) -> InvoiceSnapshot:
        """Give an open invoice up as uncollectible."""
        del idempotency_key
        return paying.write_off(self.house(), external_id)
