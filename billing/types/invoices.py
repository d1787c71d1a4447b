"""Invoices as a provider has them, and previews of one."""

import dataclasses
from datetime import datetime

from billing.enums import InvoiceStatus, Provider


@dataclasses.dataclass(frozen=True, slots=True)
class InvoiceLineSnapshot:
    """One line; `amount_minor` is for the whole quantity, before discounts, negative for a credit.

    The period is half-open, UTC. `external_price_id` is empty for what no price stands behind.
    """

    external_id: str
    description: str
    quantity: int
    amount_minor: int
    discount_minor: int = 0
    period_start: datetime | None = None
    period_end: datetime | None = None
    external_price_id: str = ""
    is_proration: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice as the provider had it at one moment; amounts in minor units of `currency`.

    `total_minor` is after discounts and tax; `amount_due_minor` what of it was to be paid, after
    the payer's credit balance; `amount_remaining_minor` what still is. `credited_minor` is what
    credit notes took back (None: each refund brings its own, and they sum up to it),
    `paid_elsewhere_minor` what was paid without the provider. The payer's name and address are as
    they stand on the invoice. `has_all_lines` is False where the provider showed only the first of
    them.
    """

    provider: Provider
    external_id: str
    status: InvoiceStatus
    currency: str
    subtotal_minor: int
    total_minor: int
    amount_due_minor: int
    amount_paid_minor: int
    amount_remaining_minor: int
    discount_minor: int = 0
    tax_minor: int = 0
    number: str = ""
    billing_reason: str = ""
    external_customer_id: str = ""
    external_subscription_id: str = ""
    external_payment_id: str = ""
    organization_id: str = ""
    created_at: datetime | None = None
    finalized_at: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    next_attempt_at: datetime | None = None
    attempt_count: int = 0
    hosted_url: str = ""
    pdf_url: str = dataclasses.field(default="", repr=False)
    paid_elsewhere_minor: int = 0
    credited_minor: int | None = 0
    voided_at: datetime | None = None
    written_off_at: datetime | None = None
    payer_name: str = ""
    payer_email: str = ""
    payer_address: tuple[str, ...] = ()
    payer_tax_ids: tuple[str, ...] = ()
    lines: tuple[InvoiceLineSnapshot, ...] = ()
    has_all_lines: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class InvoicePreview:
    """What an invoice would be; amounts in minor units of `currency`.

    `amount_due_minor` is what would be charged: the total less the payer's credit balance, never
    below 0. `total_minor` below 0 becomes credit.
    """

    currency: str
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    amount_due_minor: int
    lines: tuple[InvoiceLineSnapshot, ...] = ()

    @property
    def proration_date(self) -> datetime | None:
        """Return the moment from which the provider reckoned a difference; None if it did not.

        Lines of changes before it, put aside for the same invoice, start earlier.
        """
        starts = [line.period_start for line in self.lines if line.is_proration]
        return max((start for start in starts if start), default=None)
