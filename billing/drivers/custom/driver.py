"""No provider at all: invoices are sent, and staff mark them paid."""

from typing import ClassVar

from billing.drivers.base import Capabilities
from billing.engine.driver import EngineDriver
from billing.engine.rails import Rail
from billing.enums import Provider

DAYS_UNTIL_DUE = 30


class CustomDriver(EngineDriver):
    """The engine without a rail. A subscription runs at once, and is paid by its due date."""

    name: ClassVar[Provider] = Provider.CUSTOM
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=True,
        mirror=False,
        payment_methods=False,
        portal=False,
        listing=True,
        automatic_collection=False,
        part_payments=True,
    )
    days_until_due: ClassVar[int] = DAYS_UNTIL_DUE

    def rail(self) -> Rail | None:
        """Return nobody."""
        return None
