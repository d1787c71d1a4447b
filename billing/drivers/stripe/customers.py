"""Payers at Stripe."""

import stripe

from billing.drivers.stripe import calls, snapshots
from billing.types import Address, BillingDetails, CustomerSpec


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
    if spec.details.address != Address():
        params["address"] = _address(spec.details.address)
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


def update(
    external_id: str,
    *,
    email: str,
    name: str,
    details: BillingDetails | None,
    idempotency_key: str,
) -> None:
    """Change where bills go and to whom. Stripe would take an empty value for "forget it".

    A tax ID is not told: Stripe wants its kind with it, and takes it on its own pages.
    Source: https://docs.stripe.com/api/customers/update
    """
    params: stripe.params.CustomerModifyParams = {}
    if email:
        params["email"] = email
    if name:
        params["name"] = name
    if details is not None:
        params["address"] = _address(details.address) if details.address != Address() else ""
    options = calls.keyed(idempotency_key)
    calls.write(lambda sdk: sdk.v1.customers.update(external_id, params, options))


def _address(address: Address) -> "stripe.params.CustomerCreateParamsAddress":
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "postal_code": address.postal_code,
        "state": address.region,
        "country": address.country,
    }
