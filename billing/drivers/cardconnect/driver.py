"""CardConnect as the rest of Till sees it: the engine's driver, with the gateway as its rail."""

from typing import ClassVar

from billing.drivers.base import Capabilities
from billing.drivers.cardconnect import accounts, tokenizer
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.engine.driver import EngineDriver
from billing.engine.rails import Rail
from billing.enums import Provider
from billing.types import CardElement


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
        listing=True,
        automatic_collection=True,
        part_payments=True,
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
