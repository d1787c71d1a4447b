"""Subscriptions with discounts, and what their invoices come to."""

from typing import Any


def subscribe(v1: Any, customer: Any, price: Any, **more: Any) -> Any:
    return v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 3}],
            "expand": ["latest_invoice", "discounts"],
            **more,
        }
    )


def invoices(v1: Any, made: Any) -> list[tuple[int, int]]:
    """Return subtotal and total of the invoices so far, oldest first."""
    listed = v1.invoices.list({"subscription": made.id}).data
    return [(row.subtotal, row.total) for row in reversed(listed)]
