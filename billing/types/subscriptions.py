"""Subscriptions as a provider has them, and what it is asked to start."""

import dataclasses
from datetime import datetime

from billing.enums import AttemptState, Provider, SubscriptionStatus
from billing.types.changes import DiscountSnapshot, ScheduledChange
from billing.types.discounts import DiscountRef
from billing.types.invoices import InvoiceSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """What came of the payment behind a subscription's latest invoice.

    `state` is one of succeeded, requires_action, failed; `None` when nothing was tried yet (the
    payer has to enter a card).
    """

    state: AttemptState | None
    external_id: str = ""
    client_secret: str = dataclasses.field(default="", repr=False)
    error_code: str = ""
    decline_code: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """A subscription as the provider had it at one moment.

    `our_id` is our subscription's id out of the provider's metadata, empty for one that is not
    ours. Times are UTC-aware; `current_period_end` is exclusive. `latest_payment` says how the
    latest invoice is doing.
    """

    provider: Provider
    external_id: str
    external_customer_id: str
    status: SubscriptionStatus
    our_id: str = ""
    organization_id: str = ""
    external_price_id: str = ""
    seats: int = 1
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    trial_end: datetime | None = None
    latest_invoice_id: str = ""
    latest_payment: PaymentOutcome | None = None
    latest_invoice: InvoiceSnapshot | None = None
    default_method_id: str = ""
    scheduled: ScheduledChange | None = None
    discounts: tuple[DiscountSnapshot, ...] = ()
    resumes_at: datetime | None = None
    awaits_payment_of_change: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What a provider is asked to start.

    Without `payment_method` the provider waits for the payer to enter one (the snapshot then has a
    client secret). `trial_days` 0 means none; `discount` lies on the subscription from its start.
    `days_until_due` is for who pays by invoice; None leaves it to the provider.
    """

    our_id: str
    organization_id: str
    external_customer_id: str
    external_price_id: str
    seats: int
    payment_method: str = ""
    trial_days: int = 0
    discount: DiscountRef | None = None
    days_until_due: int | None = None
