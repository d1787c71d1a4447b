"""What travels between drivers and services about readers and payments in person."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

SaleState = Literal[
    "requires_terminal", "in_progress", "requires_capture", "succeeded", "declined", "canceled"
]
EntryMode = Literal["chip", "contactless", "swipe", "manual", ""]
Verification = Literal["pin", "signature", "device", "none", ""]


@dataclasses.dataclass(frozen=True, slots=True)
class ReaderRef:
    """A reader at its provider: `tmr_…` or a hardware serial number.

    `account_id` is the merchant account it belongs to; None is the only one that a provider with
    one account for all has.
    """

    external_id: str
    account_id: UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ReaderSnapshot:
    """A reader as its provider last saw it."""

    external_id: str
    is_online: bool
    label: str = ""
    device_type: str = ""
    location: str = ""
    last_seen_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class CardPresent:
    """What a receipt says of the card and of how it was read. Never a number, a token or a name.

    `application` and `aid` are the chip's own name of itself and its identifier; `emv` further tags
    that card schemes want printed, by name.
    """

    brand: str = ""
    last4: str = ""
    entry_mode: EntryMode = ""
    verification: Verification = ""
    application: str = ""
    aid: str = ""
    auth_code: str = ""
    emv: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class SaleOrder:
    """One try at taking a payment at a reader.

    `reference` is that of the try (letters alone), `payment_id` ours for the payment, `external_id`
    the provider's once there is one. Amounts in minor units, without the tip.
    """

    organization_id: UUID
    payment_id: UUID
    reference: str
    reader: ReaderRef
    amount_minor: int
    currency: str
    is_captured_at_once: bool
    asks_for_tip: bool = False
    external_id: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class SaleSnapshot:
    """A payment in person as its provider has it now.

    `authorized_minor` is what the card was asked for, tip included; `captured_minor` what was
    taken of it; what was not captured by `capture_before` is lost. `declined` and `canceled` say
    that nothing is held and nothing was taken.
    """

    external_id: str
    state: SaleState
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    tip_minor: int = 0
    client_secret: str = dataclasses.field(default="", repr=False)
    decline_code: str = ""
    card: CardPresent | None = None
    capture_before: datetime | None = None
