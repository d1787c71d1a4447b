"""The back office of billing. Importing the package registers its pages."""

from billing.admin import (
    cases,
    checkout,
    coupons,
    customers,
    differences,
    dunning,
    events,
    invoices,
    mirror,
    organizations,
    payments,
    plans,
    quotes,
    reversals,
    sales,
    subscriptions,
)

__all__ = [
    "cases",
    "checkout",
    "coupons",
    "customers",
    "differences",
    "dunning",
    "events",
    "invoices",
    "mirror",
    "organizations",
    "payments",
    "plans",
    "quotes",
    "reversals",
    "sales",
    "subscriptions",
]
