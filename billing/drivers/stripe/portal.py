"""Stripe's own page where payers manage cards, invoices and the end of a subscription."""

from typing import TYPE_CHECKING

from billing.drivers.stripe import calls

if TYPE_CHECKING:
    import stripe

# Marks the one configuration of the account that is ours. A change of `_FEATURES` takes another
# value: the next portal that is opened makes a new configuration, the old one serves no more.
_MARK = "till_portal"
_MARK_VALUE = "1"

# Plans and seats change through our own pages, where a quote comes first; addresses for bills are
# ours as well. Source: https://docs.stripe.com/customer-management/configure-portal
_FEATURES: "stripe.params.billing_portal.ConfigurationCreateParamsFeatures" = {
    "payment_method_update": {"enabled": True},
    "invoice_history": {"enabled": True},
    "subscription_cancel": {
        "enabled": True,
        "mode": "at_period_end",
        "cancellation_reason": {
            "enabled": True,
            "options": [
                "too_expensive",
                "missing_features",
                "switched_service",
                "unused",
                "customer_service",
                "too_complex",
                "low_quality",
                "other",
            ],
        },
    },
}


def create_session(external_customer_id: str, *, return_url: str, idempotency_key: str) -> str:
    """Open the portal with our configuration; return its address.

    Source: https://docs.stripe.com/api/customer_portal/sessions/create
    """
    params: stripe.params.billing_portal.SessionCreateParams = {
        "customer": external_customer_id,
        "configuration": _ensure_configuration(idempotency_key),
        "return_url": return_url,
    }
    options = calls.keyed(idempotency_key)
    return str(
        calls.write(lambda sdk: sdk.v1.billing_portal.sessions.create(params, options))["url"]
    )


def _ensure_configuration(idempotency_key: str) -> str:
    """Return our configuration, made at the first need: an account need not have any.

    The account's default one stays whoever's it is. Two who open their first portal at once may
    make two, of which one is used from then on.
    Source: https://docs.stripe.com/api/customer_portal/configurations
    """

    def page(sdk: "stripe.StripeClient", after: str | None) -> "stripe.StripeObject":
        asked: stripe.params.billing_portal.ConfigurationListParams = {"active": True, "limit": 100}
        if after:
            asked["starting_after"] = after
        return sdk.v1.billing_portal.configurations.list(asked)

    for row in calls.pages(page):
        if (row["metadata"] or {}).get(_MARK) == _MARK_VALUE:
            return str(row["id"])
    params: stripe.params.billing_portal.ConfigurationCreateParams = {
        "name": "Till",
        "features": _FEATURES,
        "metadata": {_MARK: _MARK_VALUE},
    }
    options = calls.keyed(idempotency_key, "configuration")
    made = calls.write(lambda sdk: sdk.v1.billing_portal.configurations.create(params, options))
    return str(made["id"])
