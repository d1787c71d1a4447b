"""Our prices at Stripe: found by their lookup key, or created."""

from typing import TYPE_CHECKING

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import calls
from billing.drivers.stripe.calls import Json
from billing.types import ExternalPriceRef, PriceSpec

if TYPE_CHECKING:
    import stripe


def ensure_price(spec: PriceSpec) -> ExternalPriceRef:
    """Return the price with our lookup key; create it, and its product, if there is none.

    A lookup key is taken over from an archived price only. Twice at once leads to one price: the
    second request has the same idempotency key, or finds the lookup key taken and looks again.

    Raises:
        DriverRejected: a price with this lookup key sells something else (`price_mismatch`).
    """
    found = _find(spec)
    if found is None or not found["active"]:
        product_id = _ensure_product(spec)
        try:
            found = _create(spec, product_id, replaces=found)
        except DriverRejected:
            found = _find(spec)
            if found is None:
                raise
    if _terms(found) != (spec.amount_minor, spec.currency.lower(), spec.interval, 1):
        raise DriverRejected("INVALID_REQUEST", detail="price_mismatch")
    return ExternalPriceRef(external_id=found["id"], external_product_id=found["product"])


def _find(spec: PriceSpec) -> Json | None:
    params: stripe.params.PriceListParams = {"lookup_keys": [spec.lookup_key], "limit": 1}
    rows = calls.read(lambda sdk: sdk.v1.prices.list(params))["data"]
    return rows[0] if rows else None


def _terms(price: Json) -> tuple[int | None, str, str, int]:
    recurring = price["recurring"] or {"interval": "", "interval_count": 0}
    return (
        price["unit_amount"],
        price["currency"],
        recurring["interval"],
        recurring["interval_count"],
    )


def _create(spec: PriceSpec, product_id: str, *, replaces: Json | None) -> Json:
    interval: str = spec.interval
    params: stripe.params.PriceCreateParams = {
        "product": product_id,
        "currency": spec.currency.lower(),
        "unit_amount": spec.amount_minor,
        "recurring": {"interval": "year" if interval == "year" else "month"},
        "lookup_key": spec.lookup_key,
        "metadata": {"till_plan": spec.plan_code, "till_version": str(spec.version)},
    }
    key = f"price:{spec.lookup_key}"
    if replaces is not None:
        params["transfer_lookup_key"] = True
        key = f"{key}:{replaces['id']}"
    options = calls.keyed(key)
    return calls.write(lambda sdk: sdk.v1.prices.create(params, options))


def _ensure_product(spec: PriceSpec) -> str:
    """Return the product of a plan's version; its id follows from both, so it exists once."""
    product_id = f"till_{spec.plan_code}_v{spec.version}"
    try:
        calls.read(lambda sdk: sdk.v1.products.retrieve(product_id))
    except ObjectMissing:
        _create_product(spec, product_id)
    return product_id


def _create_product(spec: PriceSpec, product_id: str) -> None:
    params: stripe.params.ProductCreateParams = {
        "id": product_id,
        "name": spec.plan_name,
        "metadata": {"till_plan": spec.plan_code, "till_version": str(spec.version)},
    }
    options = calls.keyed(f"product:{product_id}")
    try:
        calls.write(lambda sdk: sdk.v1.products.create(params, options))
    except DriverRejected as error:
        if error.detail != "resource_already_exists":
            raise
