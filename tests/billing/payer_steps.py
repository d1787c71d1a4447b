"""Payers as a provider shows them, for the tests that apply them."""

from datetime import timedelta
from typing import Any

from billing.enums import Provider
from billing.models import Customer, PaymentMethod
from billing.services import payers
from billing.types import Cause, PayerSnapshot, PaymentMethodSnapshot
from tests.billing.builders import NOW, moment

CAUSE = Cause("webhook", id="evt_1", detail="payment_method.attached")
T0 = moment()


def card(external_id: str = "pm_1", **changes: Any) -> PaymentMethodSnapshot:
    """A Visa ending in 4242."""
    fields: dict[str, Any] = {
        "external_id": external_id,
        "kind": "card",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"Fp{external_id}",
    }
    return PaymentMethodSnapshot(**{**fields, **changes})


def payer(customer: Customer, *methods: PaymentMethodSnapshot, **changes: Any) -> PayerSnapshot:
    fields: dict[str, Any] = {
        "provider": Provider.STRIPE,
        "external_id": customer.external_id,
        "our_id": str(customer.pk),
        "email": customer.email,
        "methods": methods,
    }
    return PayerSnapshot(**{**fields, **changes})


def converge(snapshot: PayerSnapshot, at: int = 0) -> payers.ConvergedPayer | None:
    return payers.converge_payer(
        snapshot=snapshot, fetched_at=T0 + timedelta(seconds=at), cause=CAUSE, now=NOW
    )


def methods(customer: Customer) -> dict[str, str]:
    """Return what became of each method: default, attached or detached."""
    return {
        row.external_id: "detached"
        if row.detached_at
        else "default"
        if row.is_default
        else "attached"
        for row in PaymentMethod.objects.filter(customer=customer)
    }
