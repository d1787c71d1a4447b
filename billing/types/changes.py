"""What a provider is asked to make of a subscription that is running."""

import dataclasses
from datetime import datetime
from typing import Any

from billing.enums import Proration
from billing.types.discounts import DiscountRef


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeSpec:
    """A subscription as it shall be: its price, its seats, and how the difference is charged.

    `proration_date` is the moment the difference is reckoned from: the one of the quote, so that
    the charge is the quoted one. `discount` is one to apply, None to leave discounts as they are.
    Without `external_subscription_id` (previews only) it is a subscription that does not exist
    yet: it would begin at `starts_at` (None: now), with a trial until `trial_end`. `interval` is
    the price's, for a provider that wants to be told how long a period is.
    """

    external_customer_id: str
    external_price_id: str
    seats: int
    external_subscription_id: str = ""
    proration: Proration = Proration.INVOICE
    proration_date: datetime | None = None
    discount: DiscountRef | None = None
    interval: str = ""
    starts_at: datetime | None = None
    trial_end: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ScheduledChange:
    """What a subscription will become at `effective_at`, as the provider has it written down."""

    external_id: str
    external_price_id: str
    seats: int
    effective_at: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class DiscountSnapshot:
    """A discount that lies on a subscription; `ends_at` None: as long as the subscription.

    `percent_off` is a decimal number as text; without it `amount_off_minor` counts.
    """

    coupon: str
    name: str = ""
    percent_off: str = ""
    amount_off_minor: int = 0
    currency: str = ""
    ends_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the discount as it is stored, and shown by the API."""
        ends_at = self.ends_at.isoformat().replace("+00:00", "Z") if self.ends_at else None
        return {
            "coupon": self.coupon,
            "name": self.name or None,
            "percent_off": self.percent_off or None,
            "amount_off": None if self.percent_off else self.amount_off_minor,
            "currency": self.currency or None,
            "ends_at": ends_at,
        }
