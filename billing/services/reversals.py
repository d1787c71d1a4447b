"""Taking over refunds, credit notes and disputes: once each, in whatever order they come.

The caller has locked the organization they belong to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model

from billing import handlers
from billing.enums import CreditNoteStatus, DisputeStatus, RefundStatus
from billing.models import CreditNote, Dispute, Invoice, Refund
from billing.money import Money
from billing.services import cases, refund_debts, reversal_links, timeline
from billing.types import (
    Cause,
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    RefundSnapshot,
)
from orgs.models import Organization

RowT = TypeVar("RowT", Refund, CreditNote, Dispute)

_CLOSED = (
    DisputeStatus.WON,
    DisputeStatus.LOST,
    DisputeStatus.WARNING_CLOSED,
    DisputeStatus.PREVENTED,
)
_OUTCOMES = {
    DisputeStatus.WON: "The dispute over {amount} was decided in our favour.",
    DisputeStatus.LOST: "The dispute over {amount} was decided for the card holder.",
    DisputeStatus.WARNING_CLOSED: "The card holder's inquiry about {amount} was closed.",
    DisputeStatus.PREVENTED: "The dispute over {amount} was settled before it began.",
}


_NAMES: dict[type[Model], str] = {Refund: "refund", CreditNote: "credit_note", Dispute: "dispute"}


class UnknownInvoice(LookupError):
    """A credit note for an invoice that is not (yet) one of ours."""


def converge_charge(
    *,
    organization: Organization,
    snapshot: ChargeSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> None:
    """Apply what was given back of a payment; the refund itself was told as a fact.

    Those that we asked for settle the debts they were asked for with.
    """
    if not snapshot.refunds:
        return
    refund_debts.settle_known(organization=organization, refunds=snapshot.refunds, now=now)
    invoice = reversal_links.invoice_paid_with(snapshot.provider, snapshot.external_payment_id)
    known = {
        row.external_id: row
        for row in Refund.objects.filter(
            provider=snapshot.provider,
            external_id__in=[refund.external_id for refund in snapshot.refunds],
        )
    }
    for refund in snapshot.refunds:
        old = known.get(refund.external_id)
        had_failed = old is not None and old.status == RefundStatus.FAILED
        values = _refund_values(snapshot, refund, invoice)
        row = _take_over(Refund, old, organization, snapshot.provider, fetched_at, values)
        if row is not None and row.status == RefundStatus.FAILED and not had_failed:
            amount = _money(refund.amount_minor, refund.currency)
            words = f"The refund of {amount} failed: the bank sent it back."
            line = _line(row, "billing.payment.refund_failed", words, now)
            timeline.record_event(organization=organization, line=line, cause=cause)
            cases.open_refund_failed(refund=row)
    handlers.run_refunded(
        handlers.MoneyBack(
            organization, snapshot.provider, snapshot.external_payment_id, cause, now
        )
    )
    if invoice is not None:
        reversal_links.sum_refunds(invoice, now=now)
        _take_over_notes(organization, snapshot.refunds, invoice, fetched_at, cause, now)


def _take_over_notes(
    organization: Organization,
    refunds: Sequence[RefundSnapshot],
    invoice: Invoice,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> None:
    """Apply the credit notes that a provider wrote for refunds, and what they sum up to."""
    notes = [refund.credit_note for refund in refunds if refund.credit_note]
    for note in notes:
        converge_credit_note(
            organization=organization, snapshot=note, fetched_at=fetched_at, cause=cause
        )
    if notes:
        reversal_links.sum_credit_notes(invoice, now=now)


def _refund_values(
    charge: ChargeSnapshot, refund: RefundSnapshot, invoice: Invoice | None
) -> dict[str, Any]:
    return {
        "invoice": invoice,
        "external_id": refund.external_id,
        "external_payment_id": charge.external_payment_id,
        "external_charge_id": charge.external_id,
        "status": refund.status,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "failure_reason": refund.failure_reason,
        "requested_at": refund.created_at,
    }


def converge_credit_note(
    *,
    organization: Organization,
    snapshot: CreditNoteSnapshot,
    fetched_at: datetime,
    cause: Cause,
) -> None:
    """Apply a credit note to the invoice it is about.

    Raises:
        UnknownInvoice: that one is not ours (yet).
    """
    invoices = Invoice.objects.for_org(organization).filter(provider=snapshot.provider)
    invoice = invoices.filter(external_id=snapshot.external_invoice_id).first()
    if invoice is None:
        raise UnknownInvoice(snapshot.external_invoice_id)
    notes = CreditNote.objects.filter(provider=snapshot.provider, external_id=snapshot.external_id)
    old = notes.first()
    was_void = old is not None and old.status == CreditNoteStatus.VOID
    is_new = old is None
    values = {
        "invoice": invoice,
        "external_id": snapshot.external_id,
        "number": snapshot.number,
        "status": snapshot.status,
        "amount_minor": snapshot.amount_minor,
        "currency": snapshot.currency,
        "reason": snapshot.reason,
        "memo": snapshot.memo,
        "issued_at": snapshot.created_at,
        "voided_at": snapshot.voided_at,
    }
    row = _take_over(CreditNote, old, organization, snapshot.provider, fetched_at, values)
    if row is None:
        return
    amount = _money(snapshot.amount_minor, snapshot.currency)
    if is_new:
        words = f"{amount} of invoice {invoice} was credited."
        line = _line(row, "billing.invoice.credited", words, snapshot.created_at)
        timeline.record_event(organization=organization, line=line, cause=cause)
    if snapshot.voided_at and not was_void:
        words = f"The credit of {amount} on invoice {invoice} was taken back."
        line = _line(row, "billing.invoice.credit_voided", words, snapshot.voided_at)
        timeline.record_event(organization=organization, line=line, cause=cause)


def converge_dispute(
    *,
    organization: Organization,
    snapshot: DisputeSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> None:
    """Apply a dispute; staff are asked to look at it while there is something to answer or lost.

    That it was opened was told as a fact.
    """
    rows = Dispute.objects.filter(provider=snapshot.provider, external_id=snapshot.external_id)
    old = rows.first()
    was_closed = old is not None and old.status in _CLOSED
    values = {
        "invoice": reversal_links.invoice_paid_with(
            snapshot.provider, snapshot.external_payment_id
        ),
        "external_id": snapshot.external_id,
        "external_payment_id": snapshot.external_payment_id,
        "external_charge_id": snapshot.external_charge_id,
        "status": snapshot.status,
        "amount_minor": snapshot.amount_minor,
        "currency": snapshot.currency,
        "reason": snapshot.reason,
        "evidence_due_at": snapshot.evidence_due_at,
        "opened_at": snapshot.created_at,
    }
    row = _take_over(Dispute, old, organization, snapshot.provider, fetched_at, values)
    if row is None:
        return
    if row.status not in _CLOSED or row.status == DisputeStatus.LOST:
        cases.open_dispute(dispute=row)
    if row.status in _CLOSED and not was_closed:
        amount = _money(snapshot.amount_minor, snapshot.currency)
        words = _OUTCOMES[DisputeStatus(row.status)].format(amount=amount)
        line = _line(row, "billing.payment.dispute_closed", words, now)
        timeline.record_event(organization=organization, line=line, cause=cause)


def _take_over(
    table: type[RowT],
    old: RowT | None,
    organization: Organization,
    provider: str,
    fetched_at: datetime,
    values: Mapping[str, Any],
) -> RowT | None:
    """Write a row unless a newer snapshot was applied to it, or it is another tenant's."""
    if old is None:
        return table.objects.create(
            organization=organization, provider=provider, snapshot_at=fetched_at, **values
        )
    if old.organization_id != organization.pk or fetched_at < old.snapshot_at:
        return None
    for name, value in values.items():
        setattr(old, name, value)
    old.snapshot_at = fetched_at
    old.save(update_fields=[*values, "snapshot_at", "updated_at"])
    return old


def _line(
    row: Refund | CreditNote | Dispute, type_: str, summary: str, moment: datetime
) -> timeline.Line:
    return timeline.Line(
        type=type_,
        summary=summary,
        object_type=_NAMES[type(row)],
        object_id=str(row.pk),
        occurred_at=moment,
        provider=row.provider,
        data={"external_id": row.external_id, "status": row.status},
    )


def _money(amount_minor: int, currency: str) -> str:
    return Money(amount_minor, currency).display()
