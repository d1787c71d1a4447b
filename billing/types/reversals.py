"""Money on its way back: refunds, credit notes, disputes, as a provider has them."""

import dataclasses
from datetime import datetime

from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus


@dataclasses.dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund; `amount_minor` in minor units of `currency`."""

    external_id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    created_at: datetime
    reason: str = ""
    failure_reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeSnapshot:
    """A payment that went through, with whatever of it was given back."""

    provider: Provider
    external_id: str
    external_payment_id: str = ""
    external_customer_id: str = ""
    refunds: tuple[RefundSnapshot, ...] = ()


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
