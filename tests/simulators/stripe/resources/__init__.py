"""The API's resources. Importing a module registers its routes."""

from tests.simulators.stripe.resources import (
    catalog,
    charges,
    checkout_sessions,
    customer_balances,
    customers,
    invoices,
    payment_intents,
    payment_methods,
    portal,
    portal_sessions,
    previews,
    setup_intents,
    subscription_changes,
    subscriptions,
    test_clocks,
    webhook_endpoints,
)

__all__ = [
    "catalog",
    "charges",
    "checkout_sessions",
    "customer_balances",
    "customers",
    "invoices",
    "payment_intents",
    "payment_methods",
    "portal",
    "portal_sessions",
    "previews",
    "setup_intents",
    "subscription_changes",
    "subscriptions",
    "test_clocks",
    "webhook_endpoints",
]
