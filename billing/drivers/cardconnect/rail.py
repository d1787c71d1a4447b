"""The engine's rail to the CardPointe gateway."""

from datetime import datetime
from uuid import UUID

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import (
    accounts,
    cards,
    charging,
    finding,
    ledger,
    refunding,
    updating,
    voiding,
)
from billing.drivers.cardconnect.models import TransactionState
from billing.engine.rails import ChargeOrder, ChargeResult, RefundOrder, RefundResult
from billing.types import CardDetails, PaymentMethodSnapshot


class CardConnectRail:
    """Money through CardConnect. Holds no state: accounts and settings are read at each call."""

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Charge a saved card. A refusal is a result."""
        return charging.charge(order)

    def find_charge(
        self, order: ChargeOrder, *, sent_at: datetime, now: datetime
    ) -> ChargeResult | None:
        """Ask what became of a charge; None: there is none, and there will be none."""
        return finding.find_charge(order, sent_at=sent_at, now=now)

    def void_charge(self, order: ChargeOrder, *, charge_id: str) -> bool:
        """Take back a charge that is not settled yet; False when it is too late for that."""
        charge = ledger.charge_of(organization_id=order.organization_id, retref=charge_id)
        if charge is None:
            raise DriverUnavailable("API_ERROR", detail="no_such_charge")
        merchant = accounts.askable(charge.account)
        is_voided = voiding.void(merchant, retref=charge_id, reference=charge.reference)
        if is_voided:
            ledger.mark(charge, TransactionState.VOIDED)
        return is_voided

    def refund_charge(self, order: RefundOrder) -> RefundResult:
        """Give money back, in full or in part."""
        return refunding.refund(order)

    def find_refund(
        self, order: RefundOrder, *, sent_at: datetime, now: datetime
    ) -> RefundResult | None:
        """Ask what became of a refund, as `find_charge` does."""
        return refunding.find_refund(order, sent_at=sent_at, now=now)

    def save_method(
        self,
        *,
        organization_id: UUID,
        payer_id: str,
        payment_method: str,
        card: CardDetails | None,
        idempotency_key: str,
    ) -> PaymentMethodSnapshot:
        """Keep a card of a payer for later."""
        return cards.save_method(
            organization_id=organization_id,
            payer_id=payer_id,
            payment_method=payment_method,
            card=card,
            idempotency_key=idempotency_key,
        )

    def methods_of(self, *, organization_id: UUID, payer_id: str) -> list[PaymentMethodSnapshot]:
        """Return what a payer can pay with, the newest first."""
        return cards.methods_of(organization_id=organization_id, payer_id=payer_id)

    def method_changed_at(
        self, *, organization_id: UUID, method_id: str, now: datetime
    ) -> datetime | None:
        """Ask the account updater; return when a card's number or expiry last changed."""
        return updating.changed_at(organization_id=organization_id, method_id=method_id, now=now)

    def forget_method(self, method_id: str) -> None:
        """Forget a card, for good; one that nobody has any more is fine."""
        cards.forget_method(method_id)
