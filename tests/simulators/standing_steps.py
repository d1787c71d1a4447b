"""A subscription that is paused, ended or let fall behind."""

from typing import Any

from tests.simulators.stripe.client import StripeSimulator


class Case:
    """A subscription of $29 a month that is paid by card."""

    def __init__(self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any) -> None:
        self.simulator, self.v1, self.customer, self.price = simulator, v1, customer, price
        made = self.subscribe()
        self.id, self.item = made.id, made["items"].data[0]

    def subscribe(self, **more: Any) -> Any:
        return self.v1.subscriptions.create(
            {"customer": self.customer.id, "items": [{"price": self.price.id}], **more}
        )

    def update(self, **changes: Any) -> Any:
        return self.v1.subscriptions.update(self.id, {"expand": ["latest_invoice"], **changes})

    def now(self) -> Any:
        return self.v1.subscriptions.retrieve(self.id, {"expand": ["latest_invoice"]})

    def pass_the_end(self, more: int = 7200) -> None:
        self.simulator.advance(self.item.current_period_end - self.simulator.now() + more)
