"""CardConnect as the rest of Till sees it: the engine's driver, with the gateway as its rail."""

from collections.abc import Mapping
from typing import Any, ClassVar

from billing.drivers.base import Capabilities, SignatureInvalid
from billing.drivers.cardconnect import accounts, disputes, events, hosted, tokenizer
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.drivers.cardconnect.settling import Settling
from billing.drivers.cardconnect.terminals import giving_back
from billing.drivers.cardconnect.terminals.driver import InPerson
from billing.engine.driver import EngineDriver
from billing.engine.rails import Rail
from billing.enums import Provider
from billing.types import (
    CardElement,
    ChargeSnapshot,
    DisputeSnapshot,
    NormalizedEvent,
    RefundSnapshot,
    VerifiedWebhook,
)


class CardConnectDriver(Settling, InPerson, EngineDriver):
    """Cards through the CardPointe gateway. What it has no calls for is the engine's."""

    name: ClassVar[Provider] = Provider.CARDCONNECT
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=True,
        mirror=False,
        payment_methods=True,
        portal=False,
        listing=True,
        automatic_collection=True,
        part_payments=True,
        terminals=True,
        blocking_readers=True,
        reader_sdk=False,
    )

    def rail(self) -> Rail | None:
        """Return the gateway."""
        return CardConnectRail()

    def card_element(self) -> CardElement:
        """Return the frame in which a payer enters a card; what it makes is attached as a method.

        Raises:
            DriverRejected: the platform has no merchant account in this mode.
        """
        merchant = accounts.usable(accounts.of_seller(None))
        return CardElement(frame_url=tokenizer.frame_of(merchant))

    def retrieve_charge(self, external_id: str) -> ChargeSnapshot:
        """Ask for a payment that went through: a sale at a reader, or an invoice's."""
        sale = giving_back.sale_of(external_id)
        return giving_back.charge(sale) if sale else super().retrieve_charge(external_id)

    def retrieve_payment(self, external_payment_id: str) -> ChargeSnapshot:
        """Ask for a payment: a sale at a reader, or an invoice's."""
        sale = giving_back.sale_of(external_payment_id)
        return giving_back.retrieve(sale) if sale else super().retrieve_payment(external_payment_id)

    def refund_payment(
        self,
        external_payment_id: str,
        *,
        amount_minor: int,
        reason: str,
        reference: str,
        idempotency_key: str,
    ) -> RefundSnapshot:
        """Give back a payment or a part of it."""
        sale = giving_back.sale_of(external_payment_id)
        if sale is not None:
            return giving_back.refund(sale, amount_minor=amount_minor, reference=reference)
        return super().refund_payment(
            external_payment_id,
            amount_minor=amount_minor,
            reason=reason,
            reference=reference,
            idempotency_key=idempotency_key,
        )

    def retrieve_dispute(self, external_id: str) -> DisputeSnapshot:
        """Say how a chargeback or a return stands, as the funding reports told it."""
        return disputes.retrieve(external_id)

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], *, secret: str
    ) -> VerifiedWebhook:
        """Read a callback of the hosted page. Nobody signs it: its address is the secret."""
        del headers
        if not secret:
            raise SignatureInvalid
        return hosted.read(body)

    def normalize_webhook(self, payload: Mapping[str, Any]) -> NormalizedEvent:
        """Say what a stored notice is about; a callback's only after asking the gateway."""
        if payload.get("type") == hosted.TYPE:
            return hosted.normalize(payload)
        return events.normalize(payload)
