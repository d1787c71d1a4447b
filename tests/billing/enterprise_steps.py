"""An organization that is run by hand: agreed prices, invoices that are sent, transfers."""

from datetime import date, datetime, timedelta
from typing import Any

from billing.enums import Interval
from billing.models import Agreement, Invoice, Plan
from billing.services import agreements, by_hand, renewals
from billing.types import Cause
from orgs import clock
from orgs.models import Organization

STAFF = Cause("staff", id="7")
AMOUNT = 120_000


def terms(**changes: Any) -> agreements.Terms:
    fields: dict[str, Any] = {
        "plan": Plan.objects.get(code="enterprise"),
        "interval": Interval.YEAR,
        "currency": "EUR",
        "seats": 10,
        "starts_on": clock.now().date(),
        "days_until_due": 14,
        "billing_email": "ap@acme.example",
        "amount_minor": AMOUNT // 10,
        "reference": "PO-4711",
        "request_key": "form-1",
    }
    return agreements.Terms(**{**fields, **changes})


def agree(organization: Organization, *, now: datetime | None = None, **changes: Any) -> Agreement:
    return agreements.agree(
        organization=organization,
        terms=terms(**changes),
        made_by=None,
        cause=STAFF,
        now=now or clock.now(),
    )


def invoice_of(agreement: Agreement) -> Invoice:
    row = agreement.subscription
    assert row is not None
    row.refresh_from_db()
    invoice: Invoice = Invoice.objects.select_related("organization", "subscription").get(
        external_id=row.latest_invoice_external_id
    )
    return invoice


def pay(invoice: Invoice, amount: int = AMOUNT, reference: str = "ZB-77", **more: Any) -> Any:
    payment = by_hand.SeenPayment(amount, reference, more.pop("received_on", date(2026, 12, 1)))
    result = by_hand.mark_paid(
        invoice=invoice, payment=payment, entered_by=None, cause=STAFF, now=clock.now(), **more
    )
    invoice.refresh_from_db()
    return result


def later(**delta: Any) -> datetime:
    return clock.now() + timedelta(**delta)


def run_books(now: datetime) -> None:
    """Do what is due at the providers that we bill for ourselves."""
    renewals.run_due(now=now)
