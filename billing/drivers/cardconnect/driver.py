"""CardConnect as the rest of Till sees it: the engine's driver, with the gateway as its rail."""

import dataclasses
from typing import ClassVar

from billing.drivers.base import Capabilities
from billing.drivers.cardconnect import accounts, tokenizer
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.engine.driver import EngineDriver
from billing.engine.rails import Rail
from billing.enums import Provider
from billing.types import SetupResult


class CardConnectDriver(EngineDriver):
    """Cards through the CardPointe gateway. What it has no calls for is the engine's."""

    name: ClassVar[Provider] = Provider.CARDCONNECT
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=True,
        mirror=False,
        payment_methods=True,
        portal=False,
        automatic_collection=True,
        part_payments=True,
    )

    def rail(self) -> Rail | None:
        """Return the gateway."""
        return CardConnectRail()

    def create_setup_intent(
        self, external_customer_id: str, *, idempotency_key: str
    ) -> SetupResult:
        """Say where a payer's browser enters a card; its token is attached like any method."""
        prepared = super().create_setup_intent(
            external_customer_id, idempotency_key=idempotency_key
        )
        merchant = accounts.usable(accounts.of_payer(external_customer_id))
        frame = tokenizer.tokenizer_of(merchant)
        return dataclasses.replace(prepared, tokenizer_url=frame.url, tokenizer_origin=frame.origin)
