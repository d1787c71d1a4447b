"""Who moves the money: what the engine asks of a gateway, and what it wants to know of an answer.

A rail is a translator like a driver: plain values in, frozen facts out. It never tries again by
itself, and it is called with no transaction open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol
from uuid import UUID

from billing.types import CardDetails, PaymentMethodSnapshot

# What was written down leaves this soon or never. It is far below the time after which rails take
# a charge for absent that they were asked for and did not find.
LEAVE_WITHIN = timedelta(seconds=5)


class DeclineKind(StrEnum):
    """What a refusal means for the next try at the same debt."""

    HARD = "hard"
    """This card never pays: ask for another one."""
    SOFT = "soft"
    """May be paid later: tried again by the dunning policy."""
    FIX_DATA = "fix_data"
    """Something of the card is wrong (expiry, postal code): ask for it."""
    STOP = "stop"
    """The card holder withdrew: no further charge of this subscription."""
    TRANSIENT = "transient"
    """A host was down: tried again soon, and it does not count as a try."""


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One charge. `reference` is the attempt's `our_reference`; `method_id` our id of the card.

    `initiator` says whether the payer is at hand; `stores_card` that its consent to later charges
    is given with this one. After `leave_by` nothing may be sent: it may have been taken for absent.
    """

    organization_id: UUID
    reference: str
    amount_minor: int
    currency: str
    method_id: str
    initiator: Literal["payer", "merchant"]
    is_recurring: bool
    stores_card: bool
    description: str = ""
    leave_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What came of a charge.

    `decline_code` is one of our neutral words (insufficient_funds, expired_card, do_not_honor, …);
    `decline_kind` is set with a failure. `retry_not_before` is the issuer's own wish.
    """

    state: Literal["succeeded", "failed"]
    external_id: str = ""
    decline_code: str = ""
    decline_kind: DeclineKind | None = None
    retry_not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Money that goes back. `reference` is the refund's own; `charge_id` the rail's charge."""

    organization_id: UUID
    reference: str
    charge_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What came of a refund; `pending` waits for the charge to settle first."""

    state: Literal["succeeded", "pending", "failed"]
    external_id: str = ""
    error_code: str = ""


class Rail(Protocol):
    """A gateway. Every write raises one of the drivers' errors where it has no result.

    `DriverUnavailable`: provably not processed. `OutcomeUnknown`: sent, no usable answer.
    `DriverRejected` (INVALID_REQUEST): not processed, and it is our request or our account that is
    wrong, not the card; this is nobody's decline.
    """

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Charge a saved card. A refusal is a result."""
        ...

    def find_charge(
        self, order: ChargeOrder, *, sent_at: datetime, now: datetime
    ) -> ChargeResult | None:
        """Ask what became of a charge; None: there is none, and there will be none.

        Raises:
            OutcomeUnknown: it can't be said yet.
            DriverUnavailable: nobody answered.
        """
        ...

    def void_charge(self, order: ChargeOrder, *, charge_id: str) -> bool:
        """Take back a charge that is not settled yet; False when it is too late for that."""
        ...

    def refund_charge(self, order: RefundOrder) -> RefundResult:
        """Give money back, in full or in part."""
        ...

    def find_refund(
        self, order: RefundOrder, *, sent_at: datetime, now: datetime
    ) -> RefundResult | None:
        """Ask what became of a refund, as `find_charge` does."""
        ...

    def save_method(
        self,
        *,
        organization_id: UUID,
        payer_id: str,
        payment_method: str,
        card: CardDetails | None,
        idempotency_key: str,
    ) -> PaymentMethodSnapshot:
        """Keep a card of a payer for later. `payment_method` is a token, or our id of a card.

        Raises:
            DriverRejected: CARD_DECLINED.
        """
        ...

    def methods_of(self, *, organization_id: UUID, payer_id: str) -> list[PaymentMethodSnapshot]:
        """Return what a payer can pay with, the newest first."""
        ...

    def forget_method(self, method_id: str) -> None:
        """Forget a card, for good; one that nobody has any more is fine."""
        ...
