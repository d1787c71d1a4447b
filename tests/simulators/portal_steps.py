"""Ways into the customer portal."""

from typing import Any

from tests.simulators.stripe.client import StripeSimulator

ALL = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {
        "enabled": True,
        "cancellation_reason": {"enabled": True, "options": ["too_expensive", "unused"]},
    },
}


def configure(v1: Any, **features: Any) -> Any:
    return v1.billing_portal.configurations.create({"features": {**ALL, **features}})


def enter(v1: Any, customer: Any, **more: Any) -> Any:
    return v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://127.0.0.1/account", **more}
    )


def types(simulator: StripeSimulator, since: int = 0) -> list[str]:
    return [event["type"] for event in simulator.events()[since:]]
