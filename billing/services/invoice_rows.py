"""The rows that a provider's invoice makes here: one for it, and one for each of its lines."""

import dataclasses
import hashlib
import json
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder

from billing.models import Customer, Invoice, InvoiceLine, Subscription
from billing.types import Cause, InvoiceSnapshot
from orgs.models import Organization

_LONGEST = 500  # what our columns take of a name or an address


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """A snapshot, with the rows it belongs to and what set its fetch off.

    The organization is locked; `subscription` is None for an invoice over something else.
    `fetched_at` is the database's time at which the fetch began.
    """

    organization: Organization
    customer: Customer
    subscription: Subscription | None
    snapshot: InvoiceSnapshot
    fetched_at: datetime
    cause: Cause


def row_of(arrival: Arrival, old: Invoice | None) -> Invoice:
    """Return the row that a snapshot makes, with the key and what stays of the one we have."""
    snapshot = arrival.snapshot
    row = Invoice(
        organization=arrival.organization,
        customer=arrival.customer,
        subscription=arrival.subscription,
        provider=snapshot.provider,
        external_id=snapshot.external_id,
        number=snapshot.number,
        status=snapshot.status,
        billing_reason=snapshot.billing_reason,
        currency=snapshot.currency,
        subtotal_minor=snapshot.subtotal_minor,
        discount_minor=snapshot.discount_minor,
        tax_minor=snapshot.tax_minor,
        total_minor=snapshot.total_minor,
        amount_due_minor=snapshot.amount_due_minor,
        amount_paid_minor=snapshot.amount_paid_minor,
        amount_remaining_minor=snapshot.amount_remaining_minor,
        paid_elsewhere_minor=snapshot.paid_elsewhere_minor,
        credited_minor=_credited(snapshot, old),
        issued_at=snapshot.created_at or arrival.fetched_at,
        finalized_at=snapshot.finalized_at,
        due_at=snapshot.due_at,
        paid_at=snapshot.paid_at,
        voided_at=snapshot.voided_at,
        written_off_at=snapshot.written_off_at,
        period_start=snapshot.period_start,
        period_end=snapshot.period_end,
        attempt_count=snapshot.attempt_count,
        next_attempt_at=snapshot.next_attempt_at,
        external_payment_id=snapshot.external_payment_id,
        hosted_url=snapshot.hosted_url,
        provider_pdf_url=snapshot.pdf_url,
        payer_name=_storable(snapshot.payer_name)[:_LONGEST],
        payer_email=_storable(snapshot.payer_email)[:_LONGEST],
        payer_address=[_storable(line) for line in snapshot.payer_address],
        payer_tax_ids=list(snapshot.payer_tax_ids),
        has_all_lines=snapshot.has_all_lines,
        lines_digest=_digest(snapshot),
        snapshot_at=arrival.fetched_at,
    )
    if old is not None:
        row.pk, row.created_at, row.refunded_minor = old.pk, old.created_at, old.refunded_minor
        row.subscription_id = row.subscription_id or old.subscription_id
        if not snapshot.has_all_lines:  # what we have is as much, or more
            row.has_all_lines, row.lines_digest = old.has_all_lines, old.lines_digest
    return row


def lines_of(snapshot: InvoiceSnapshot, invoice: Invoice) -> list[InvoiceLine]:
    """Return the rows of an invoice's lines."""
    return [
        InvoiceLine(
            organization_id=invoice.organization_id,
            invoice=invoice,
            position=position,
            **{**dataclasses.asdict(line), "description": _storable(line.description)},
        )
        for position, line in enumerate(snapshot.lines, start=1)
    ]


def _credited(snapshot: InvoiceSnapshot, old: Invoice | None) -> int:
    """Return what was credited: where only refunds tell it, what they have told."""
    if snapshot.credited_minor is None:
        return old.credited_minor if old else 0
    return snapshot.credited_minor


def _storable(text: str) -> str:
    """Drop the one character that providers take in names and PostgreSQL refuses."""
    return text.replace("\x00", "")


def _digest(snapshot: InvoiceSnapshot) -> str:
    """Return what tells whether the lines are the ones we have, without reading those."""
    rows = [dataclasses.asdict(line) for line in snapshot.lines]
    text = json.dumps(rows, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
