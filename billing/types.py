"""What travels between drivers and services: frozen facts, no rows."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from billing.enums import AttemptState, FactKind, Provider, SubscriptionStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """What set a change off: shown to people, so an id or a name and never a payload.

    `kind` is webhook, request, resolver, sweep, staff or checkout.
    """

    kind: Literal["webhook", "request", "resolver", "sweep", "staff", "checkout"]
    id: str = ""
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the cause as it is stored."""
        return dataclasses.asdict(self)


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


@dataclasses.dataclass(frozen=True, slots=True)
class CheckoutSnapshot:
    """A provider's checkout page as it was at one moment; `status` is open, complete, expired."""

    external_id: str
    status: Literal["open", "complete", "expired"]
    url: str = ""
    our_id: str = ""
    external_customer_id: str = ""
    external_subscription_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """The provider's object an event is about: what has to be fetched again.

    `kind` is subscription, checkout_session, or one that only the mirror copies.
    """

    kind: str
    external_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened once, which a later snapshot would no longer show."""

    kind: FactKind
    external_id: str
    occurred_at: datetime
    amount_minor: int | None = None
    currency: str = ""
    detail: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class NormalizedEvent:
    """A provider's event in our words (the specification's concise payload).

    `type` is `billing.<object>.<verb>`; `subject` is what to converge, None when nothing of ours
    follows from it; `external_customer_id` places a fact that has no subject; `mirror` is what
    dj-stripe's tables should copy.
    """

    provider: Provider
    external_id: str
    type: str
    provider_type: str
    occurred_at: datetime
    subject: Subject | None
    external_customer_id: str = ""
    fact: Fact | None = None
    mirror: tuple[Subject, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A webhook whose signature was right: what the inbox stores. `body` is the raw JSON text."""

    external_id: str
    type: str
    body: str


@dataclasses.dataclass(frozen=True, slots=True)
class PriceSpec:
    """What a provider must know to sell one of our prices."""

    plan_code: str
    plan_name: str
    version: int
    interval: str
    currency: str
    amount_minor: int
    lookup_key: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExternalPriceRef:
    """What a price and its product are called at the provider."""

    external_id: str
    external_product_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class CustomerSpec:
    """What a provider is told about a payer."""

    our_id: str
    organization_id: str
    email: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What a provider is asked to start.

    Without `payment_method` the provider waits for the payer to enter one (the snapshot then has a
    client secret). `trial_days` 0 means none.
    """

    our_id: str
    organization_id: str
    external_customer_id: str
    external_price_id: str
    seats: int
    payment_method: str = ""
    trial_days: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class CheckoutSpec:
    """What a provider's own checkout page should sell, and the row of ours it is for."""

    our_id: str
    our_subscription_id: str
    organization_id: str
    external_customer_id: str
    external_price_id: str
    seats: int
    success_url: str
    cancel_url: str
    expires_at: datetime
    trial_days: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentIntentResult:
    """A one-off payment at a provider (amounts in minor units)."""

    external_id: str
    status: str
    amount_minor: int
    currency: str
    client_secret: str = dataclasses.field(default="", repr=False)
