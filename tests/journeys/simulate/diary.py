"""What is known of a tenant from outside: what it did, and when. Nothing here is reckoned.

A diary holds what was done, never what was tried and refused; so it says what should follow.
"""

import dataclasses
import enum
from datetime import datetime


class Did(enum.StrEnum):
    """What a tenant did (or staff did for it)."""

    START = "start"
    CHANGE = "change"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    CANCEL_LATER = "cancel_later"
    KEEP = "keep"
    PAY_BY_HAND = "pay_by_hand"
    REFUND = "refund"


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """A plan's price for a rhythm of so many months."""

    plan: str
    months: int
    unit_minor: int


@dataclasses.dataclass(frozen=True, slots=True)
class Coupon:
    """Either a percentage off, or an amount off each invoice."""

    percent: str = ""
    amount_minor: int = 0
    duration: str = "once"
    months: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done. `proration` is `invoice`, `next_invoice` or `none`."""

    at: datetime
    did: Did
    offer: Offer | None = None
    seats: int = 0
    trial_days: int = 0
    coupon: Coupon | None = None
    proration: str = ""
    amount_minor: int = 0


@dataclasses.dataclass(slots=True)
class Diary:
    """One tenant's entries in their order."""

    number: int
    provider: str
    entries: list[Entry] = dataclasses.field(default_factory=list)

    def note(self, entry: Entry) -> None:
        """Write down what was done."""
        self.entries.append(entry)
