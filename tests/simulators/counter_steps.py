"""Payments in person, for the tests of simulated readers."""

from typing import Any

import pytest
import stripe as sdk

from tests.simulators.stripe.client import StripeSimulator

READER = "tmr_simulated"


class Counter:
    """A till that drives its reader through Stripe's servers."""

    def __init__(self, simulator: StripeSimulator, v1: Any) -> None:
        self.simulator, self.v1 = simulator, v1

    def order(self, amount: int = 1500, **how: Any) -> Any:
        """Make a payment that waits for a card at a reader."""
        wish = {"amount": amount, "currency": "usd", "payment_method_types": ["card_present"]}
        return self.v1.payment_intents.create({**wish, **how})

    def held(self, amount: int = 1500) -> Any:
        """Make a payment that is captured later."""
        return self.order(amount, capture_method="manual")

    def send(self, intent: Any, **config: Any) -> Any:
        """Have the reader ask for the card of a payment."""
        wish: dict[str, Any] = {"payment_intent": intent.id}
        if config:
            wish["process_config"] = config
        return self.v1.terminal.readers.process_payment_intent(READER, wish)

    def present(self, number: str | None = None, tip: int | None = None) -> Any:
        """Hold a card to the reader."""
        wish: dict[str, Any] = {"type": "card_present"}
        if number is not None:
            wish["card_present"] = {"number": number}
        if tip is not None:
            wish["amount_tip"] = tip
        return self.v1.test_helpers.terminal.readers.present_payment_method(READER, wish)

    def take(self, intent: Any, number: str | None = None) -> Any:
        """Send a payment to the reader and hold a card to it; return the payment."""
        self.send(intent)
        self.present(number)
        return self.look(intent)

    def look(self, intent: Any) -> Any:
        """Return the payment as it is now, with its charge."""
        return self.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})

    def reader(self) -> Any:
        return self.v1.terminal.readers.retrieve(READER)

    def told(self, *about: str) -> list[str]:
        """Return the types of the events in which these ids occur, oldest first."""
        return [event["type"] for one in about for event in self.simulator.events(about=one)]

    def refused(self, call: Any, *arguments: Any, **named: Any) -> sdk.InvalidRequestError:
        with pytest.raises(sdk.InvalidRequestError) as refused:
            call(*arguments, **named)
        return refused.value
