"""The engine with a gateway that takes every charge at once: what is left is our own time."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from billing.drivers.base import Capabilities
from billing.engine.driver import EngineDriver
from billing.engine.rails import (
    ChargeOrder,
    ChargeResult,
    Rail,
    RefundOrder,
    RefundResult,
)
from billing.enums import Provider
from billing.types import CardDetails, PaymentMethodSnapshot


class InstantRail:
    """A gateway without a network."""

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Take the money."""
        return ChargeResult("succeeded", f"ret{order.reference}")

    def find_charge(
        self, order: ChargeOrder, *, sent_at: datetime, now: datetime
    ) -> ChargeResult | None:
        """Say that it took the money."""
        del sent_at, now
        return self.charge(order)

    def void_charge(self, order: ChargeOrder, *, charge_id: str) -> bool:
        """Take a charge back."""
        del order, charge_id
        return True

    def refund_charge(self, order: RefundOrder) -> RefundResult:
        """Give money back."""
        return RefundResult("succeeded", f"ref{order.reference}")

    def find_refund(
        self, order: RefundOrder, *, sent_at: datetime, now: datetime
    ) -> RefundResult | None:
        """Say that it gave it back."""
        del sent_at, now
        return self.refund_charge(order)

    def save_method(
        self,
        *,
        organization_id: UUID,
        payer_id: str,
        payment_method: str,
        card: CardDetails | None,
        idempotency_key: str,
    ) -> PaymentMethodSnapshot:
        """Keep a card."""
        del organization_id, payer_id, card, idempotency_key
        return PaymentMethodSnapshot(payment_method, "card")

    def methods_of(self, *, organization_id: UUID, payer_id: str) -> list[PaymentMethodSnapshot]:
        """Return no cards: nobody asks while renewing."""
        del organization_id, payer_id
        return []

    def forget_method(self, method_id: str) -> None:
        """Forget a card."""


class InstantDriver(EngineDriver):
    """A provider of the engine's over that gateway."""

    name: ClassVar[Provider] = Provider.CARDCONNECT
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=True,
        mirror=False,
        payment_methods=True,
        portal=False,
    )

    def rail(self) -> Rail:
        """Return the gateway."""
        return InstantRail()
