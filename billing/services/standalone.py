"""Provider's objects that no subscription's snapshot brings along: each finds its owner itself."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.models import Subscription
from billing.services import belonging, facts, invoice_rows, invoices, reversals
from billing.types import (
    Cause,
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    Fact,
    InvoiceSnapshot,
    NormalizedEvent,
)
from orgs.models import Organization

Standalone = InvoiceSnapshot | ChargeSnapshot | CreditNoteSnapshot | DisputeSnapshot


def converge_standalone(
    *,
    snapshot: Standalone,
    along: Sequence[InvoiceSnapshot],
    happened: Sequence[Fact],
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> UUID:
    """Apply one object, the invoices fetched along with it, and what happened once.

    In the caller's transaction. Returns the id of the organization it belongs to.

    Raises:
        UnknownCustomer: nobody's of ours (yet).
        UnknownInvoice: a credit note for an invoice that is not ours (yet).
    """
    owner = belonging.lock_owner(
        provider=snapshot.provider,
        external_customer_id=snapshot.external_customer_id,
        external_payment_id=getattr(snapshot, "external_payment_id", ""),
    )
    organization = owner.organization
    found = [*along, snapshot] if isinstance(snapshot, InvoiceSnapshot) else along
    _converge_invoices(owner, found, fetched_at, cause, now)
    record_facts(
        provider=snapshot.provider, organization=organization, happened=happened, cause=cause
    )
    if isinstance(snapshot, ChargeSnapshot):
        reversals.converge_charge(
            organization=organization,
            snapshot=snapshot,
            fetched_at=fetched_at,
            cause=cause,
            now=now,
        )
    elif isinstance(snapshot, CreditNoteSnapshot):
        reversals.converge_credit_note(
            organization=organization, snapshot=snapshot, fetched_at=fetched_at, cause=cause
        )
    elif isinstance(snapshot, DisputeSnapshot):
        reversals.converge_dispute(
            organization=organization,
            snapshot=snapshot,
            fetched_at=fetched_at,
            cause=cause,
            now=now,
        )
    return organization.pk


def record_facts(
    *, provider: str, organization: Organization, happened: Sequence[Fact], cause: Cause
) -> None:
    """Keep facts that no subscription stands behind; the organization is locked."""
    for fact in happened:
        facts.record_fact(
            provider=provider,
            organization=organization,
            subscription=None,
            fact=fact,
            cause=cause,
        )


def record_fact_alone(*, provider: str, event: NormalizedEvent, cause: Cause) -> UUID | None:
    """Keep an event's fact with the payer it names; return the id of the organization.

    In the caller's transaction.

    Raises:
        UnknownCustomer: nobody's of ours (yet).
    """
    if event.fact is None:
        return None
    owner = belonging.lock_owner(
        provider=provider,
        external_customer_id=event.external_customer_id,
        external_payment_id=str(event.fact.detail.get("payment_intent", "")),
    )
    record_facts(
        provider=provider, organization=owner.organization, happened=[event.fact], cause=cause
    )
    return owner.organization.pk


def _converge_invoices(
    owner: belonging.Owner,
    found: Sequence[InvoiceSnapshot],
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> None:
    if owner.customer is None or not found:
        return
    customer = owner.customer
    known = Subscription.objects.filter(
        organization=owner.organization,
        customer=customer,
        external_id__in={row.external_subscription_id for row in found} - {""},
    ).select_related("plan_version__plan", "customer")
    subscriptions = {row.external_id: row for row in known}
    arrivals = [
        invoice_rows.Arrival(
            owner.organization,
            customer,
            subscriptions.get(row.external_subscription_id),
            row,
            fetched_at,
            cause,
        )
        for row in found
        if row.external_customer_id == customer.external_id
    ]
    invoices.converge_invoices(arrivals=arrivals, now=now)
