"""The cards of one tenant: good ones, ones that go bad, and new ones."""

import random

from billing.enums import Provider
from billing.types import CardDetails
from tests.journeys.simulate.world import World

# Out of money, stolen, expired: what the gateway's processor says of a card.
BAD_CODES = ("51", "51", "63", "54")
_GOOD, _FAILING = "pm_card_visa", "pm_card_chargeCustomerFail"


class Purse:
    """One card at a time."""

    def __init__(self, world: World, provider: Provider, chance: random.Random) -> None:
        self._world, self._provider, self._chance = world, provider, chance
        self.token = ""
        self.is_bad = False

    @property
    def details(self) -> CardDetails | None:
        """Return what the gateway is told beside a card."""
        if self._provider is not Provider.CARDCONNECT:
            return None
        return CardDetails(expiry="1235", name="Joe Cardholder", postal="19355")

    def new_card(self) -> str:
        """Return a card that can be charged; empty for who pays by hand."""
        if self._provider is Provider.CUSTOM:
            return ""
        self.is_bad = False
        if self._provider is Provider.STRIPE:
            self.token = _GOOD
        else:
            self.token = self._world.gateway.tokenize(self._number(), unique=True)
        return self.token

    def failing_card(self) -> str:
        """Return a card of Stripe's that can be saved and not be charged."""
        self.is_bad = True
        return _FAILING

    def go_bad(self) -> None:
        """Let the gateway's card be declined from now on."""
        self.is_bad = True
        self._world.gateway.turn_card(self.token, self._chance.choice(BAD_CODES))

    def get_well(self) -> None:
        """Let the gateway's card be as before."""
        self.is_bad = False
        self._world.gateway.turn_card(self.token, "")

    def _number(self) -> str:
        """Return a card number that nobody has: its check digit is right."""
        body = "4" + "".join(str(self._chance.randint(0, 9)) for _ in range(14))
        digits = [int(digit) for digit in reversed(body)]
        doubled = (2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[::2])
        return body + str(-(sum(digits[1::2]) + sum(doubled)) % 10)
