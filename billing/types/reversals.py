"""Money on its way back: refunds, credit notes, disputes, as a provider has them."""

import dataclasses
from datetime import datetime

from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus


@dataclasses.dataclass(frozen=True, slots=True)
class CreditNoteSnapshot:
    """What was taken back of an invoice, before or after it was paid (minor units)."""

    provider: Provider
    external_id: str
    external_invoice_id: str
    external_customer_id: str
    status: CreditNoteStatus
    amount_minor: int
    currency: str
    created_at: datetime
    number: str = ""
    reason: str = ""
    memo: str = ""
    voided_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund; `amount_minor` in minor units of `currency`.

    `reference` is ours, out of the provider's metadata; empty for one that we did not ask for.
    `credit_note` is the one that was written for it, where the provider writes one by itself.
    """

    external_id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    created_at: datetime
    reason: str = ""
    failure_reason: str = ""
    reference: str = ""
    credit_note: CreditNoteSnapshot | None = None

    @property
    def is_given_back(self) -> bool:
        """Say whether the money is on its way back, or there."""
        return self.status not in (RefundStatus.FAILED, RefundStatus.CANCELED)


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeSnapshot:
    """A payment that went through, with whatever of it was given back.

    `captured_minor` is what was taken, in minor units of `currency`: 0 for a payment that nobody
    has made (yet), which then has no `external_id` either.
    """

    provider: Provider
    external_id: str
    external_payment_id: str = ""
    external_customer_id: str = ""
    refunds: tuple[RefundSnapshot, ...] = ()
    captured_minor: int = 0
    currency: str = ""

    @property
    def refundable_minor(self) -> int:
        """Return what can still be given back."""
        given = sum(row.amount_minor for row in self.refunds if row.is_given_back)
        return max(0, self.captured_minor - given)


@dataclasses.dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """A payment that its payer disputes at the bank (minor units).

    `evidence_due_at` is when an answer must be in, None once there is nothing left to answer.
    """

    provider: Provider
    external_id: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    created_at: datetime
    reason: str = ""
    evidence_due_at: datetime | None = None
    external_charge_id: str = ""
    external_payment_id: str = ""
    external_customer_id: str = ""
