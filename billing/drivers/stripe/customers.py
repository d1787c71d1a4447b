"""Payers and their cards at Stripe."""

import stripe

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, snapshots
from billing.types import CustomerSpec


def create(spec: CustomerSpec, *, idempotency_key: str) -> str:
    """Create a payer."""
    params: stripe.params.CustomerCreateParams = {
        "email": spec.email,
        "name": spec.name,
        "metadata": {
            snapshots.CUSTOMER_KEY: spec.our_id,
            snapshots.ORGANIZATION_KEY: spec.organization_id,
        },
    }
    options = calls.keyed(idempotency_key)
    return str(calls.write(lambda sdk: sdk.v1.customers.create(params, options))["id"])


def find(spec: CustomerSpec) -> str | None:
    """Look among the payers with this e-mail address for the one that carries our id.

    Nobody is found without an address: that question would list every payer of the account.
    """
    if not spec.email:
        return None

    def page(sdk: stripe.StripeClient, after: str | None) -> stripe.StripeObject:
        params: stripe.params.CustomerListParams = {"email": spec.email, "limit": 100}
        if after:
            params["starting_after"] = after
        return sdk.v1.customers.list(params)

    for row in calls.pages(page):
        if row["metadata"].get(snapshots.CUSTOMER_KEY) == spec.our_id:
            return str(row["id"])
    return None


def attach_payment_method(
    payment_method: str, *, external_customer_id: str, idempotency_key: str
) -> str:
    """Give a payer a card; one that the payer has already stays as it is.

    Stripe's test names (`pm_card_visa`) become a card with an id of its own.
    """
    options = calls.keyed(idempotency_key)
    params: stripe.params.PaymentMethodAttachParams = {"customer": external_customer_id}
    try:
        raw = calls.write(
            lambda sdk: sdk.v1.payment_methods.attach(payment_method, params, options)
        )
    except DriverRejected as error:
        if error.code == "CARD_DECLINED" or not _has(external_customer_id, payment_method):
            raise
        return payment_method
    return str(raw["id"])


def _has(external_customer_id: str, payment_method: str) -> bool:
    try:
        row = calls.read_one("payment_methods", payment_method)
    except DriverRejected:
        return False
    return bool(row["customer"] == external_customer_id)
