"""A tenant that paid, and what the tests of money back do with its payment."""

from typing import Any

from billing.enums import RefundReason
from billing.models import Obligation, PaymentAttempt
from billing.services import refunds
from billing.types import Cause
from orgs import clock
from tests.billing.invoice_event_steps import Shop

STAFF = Cause("staff", id="7")


def payment_of(shop: Shop) -> str:
    """Return the id of the payment of the shop's first invoice."""
    return shop.invoice.external_payment_id


def request_of(shop: Shop, amount: int | None = None, **more: Any) -> refunds.RefundRequest:
    fields: dict[str, Any] = {
        "provider": "stripe",
        "external_payment_id": payment_of(shop),
        "reason": RefundReason.REQUESTED_BY_CUSTOMER,
        "amount_minor": amount,
    }
    return refunds.RefundRequest(**{**fields, **more})


def give_back(shop: Shop, amount: int | None = None, **more: Any) -> Obligation:
    return refunds.refund(
        organization=shop.organization,
        request=request_of(shop, amount, **more),
        cause=STAFF,
        now=clock.now(),
    )


def tries(debt: Obligation) -> list[str]:
    rows = PaymentAttempt.objects.filter(obligation=debt).order_by("number")
    return list(rows.values_list("state", flat=True))


def given_at_stripe(shop: Shop) -> list[int]:
    """Return the amounts that the simulator gave back of the shop's charge, oldest first."""
    rows = [row for row in shop.stripe.objects("refund") if row["charge"] == shop.charge]
    return [row["amount"] for row in rows]
