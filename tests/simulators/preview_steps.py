"""A subscription whose changes are previewed, and what two invoices have in common."""

from typing import Any

from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


def subscribe(v1: Any, customer: Any, price: Any, **more: Any) -> Any:
    wish = {"customer": customer.id, "items": [{"price": price.id}], **more}
    return v1.subscriptions.create(wish)


def told(invoice: Any) -> list[tuple[str, int, int | None, bool, int, int]]:
    """What two invoices must have in common, line by line."""
    found = []
    for line in invoice.lines.data:
        details = line.parent.subscription_item_details
        found.append(
            (
                line.description,
                line.amount,
                line.quantity,
                details.proration,
                line.period.start,
                line.period.end,
            )
        )
    return found


class Shop:
    """A subscription of two seats in the middle of its month, and ways to change it."""

    def __init__(self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any) -> None:
        self.simulator, self.v1 = simulator, v1
        self.customer = customer
        made = subscribe(v1, customer, price, items=[{"price": price.id, "quantity": 2}])
        simulator.advance(11 * DAY + 12_345)
        self.id, self.item = made.id, made["items"].data[0]

    def preview(self, item: dict[str, Any], **details: Any) -> Any:
        items = [{"id": self.item.id, **item}]
        return self.v1.invoices.create_preview(
            {"subscription": self.id, "subscription_details": {"items": items, **details}}
        )

    def change(self, item: dict[str, Any], **more: Any) -> Any:
        items = [{"id": self.item.id, **item}]
        return self.v1.subscriptions.update(
            self.id, {"items": items, "expand": ["latest_invoice"], **more}
        )
