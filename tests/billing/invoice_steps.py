"""Snapshots of invoices and their convergence, for tests that need no provider."""

from datetime import datetime, timedelta
from typing import Any

from billing.enums import InvoiceStatus, Provider
from billing.models import BillingEvent, Invoice, Subscription
from billing.services import invoices
from billing.services.invoice_rows import Arrival
from billing.types import Cause, InvoiceLineSnapshot, InvoiceSnapshot
from orgs.models import Organization
from tests.billing.builders import NOW, moment

CAUSE = Cause("webhook", id="evt_1", detail="invoice.paid")
T0 = moment()


def line_of(number: int = 1, **changes: Any) -> InvoiceLineSnapshot:
    fields: dict[str, Any] = {
        "external_id": f"il_{number}",
        "description": f"Line {number}",
        "quantity": 1,
        "amount_minor": 2900,
        "period_start": NOW,
        "period_end": NOW + timedelta(days=31),
        "external_price_id": "price_1",
    }
    return InvoiceLineSnapshot(**{**fields, **changes})


def snapshot_of(**changes: Any) -> InvoiceSnapshot:
    """An open invoice over 29 dollars that is charged automatically, a renewal."""
    fields: dict[str, Any] = {
        "provider": Provider.STRIPE,
        "external_id": "in_1",
        "status": InvoiceStatus.OPEN,
        "currency": "USD",
        "subtotal_minor": 2900,
        "total_minor": 2900,
        "amount_due_minor": 2900,
        "amount_paid_minor": 0,
        "amount_remaining_minor": 2900,
        "number": "ACME-0001",
        "billing_reason": "subscription_cycle",
        "created_at": NOW,
        "finalized_at": NOW,
        "hosted_url": "https://stripe.example/i/in_1",
        "payer_name": "Acme",
        "lines": (line_of(),),
    }
    return InvoiceSnapshot(**{**fields, **changes})


def paid(**changes: Any) -> InvoiceSnapshot:
    fields: dict[str, Any] = {
        "status": InvoiceStatus.PAID,
        "amount_paid_minor": 2900,
        "amount_remaining_minor": 0,
        "paid_at": NOW + timedelta(minutes=1),
        "attempt_count": 1,
        "external_payment_id": "pi_1",
    }
    return snapshot_of(**{**fields, **changes})


def draft(**changes: Any) -> InvoiceSnapshot:
    fields = {"status": InvoiceStatus.DRAFT, "number": "", "finalized_at": None, "hosted_url": ""}
    return snapshot_of(**{**fields, **changes})


def arrival(subscription: Subscription, snapshot: InvoiceSnapshot, at: int = 0) -> Arrival:
    return Arrival(
        organization=subscription.organization,
        customer=subscription.customer,
        subscription=subscription,
        snapshot=snapshot,
        fetched_at=T0 + timedelta(seconds=at),
        cause=CAUSE,
    )


def converge(
    subscription: Subscription, snapshot: InvoiceSnapshot, at: int = 0, now: datetime = NOW
) -> Invoice:
    """Apply one snapshot, fetched `at` seconds after a fixed time; return the row."""
    invoices.converge_invoices(arrivals=[arrival(subscription, snapshot, at)], now=now)
    return Invoice.objects.get(external_id=snapshot.external_id)


def told(organization: Organization) -> list[tuple[str, str]]:
    """Return the lines about invoices: type and sentence, in order."""
    rows = BillingEvent.objects.filter(
        organization=organization, type__startswith="billing.invoice."
    )
    return list(rows.order_by("sequence").values_list("type", "summary"))
