"""A provider's own checkout page, and one-off payments."""

import dataclasses
from datetime import datetime
from typing import Literal

from billing.types.discounts import DiscountRef


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
    discount: DiscountRef | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentIntentResult:
    """A one-off payment at a provider (amounts in minor units)."""

    external_id: str
    status: str
    amount_minor: int
    currency: str
    client_secret: str = dataclasses.field(default="", repr=False)
