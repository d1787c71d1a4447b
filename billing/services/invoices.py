"""Taking over what providers say of invoices: once each, in whatever order it comes."""

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from billing.models import Invoice, InvoiceLine, Subscription
from billing.services import invoice_mail, invoice_rows, invoice_steps, reversal_links, timeline
from billing.services.invoice_rows import Arrival
from billing.types import SubscriptionUpdate
from orgs.base import rows_where

logger = logging.getLogger(__name__)

_FOLLOWED = (
    "subscription",
    "number",
    "status",
    "billing_reason",
    "currency",
    "subtotal_minor",
    "discount_minor",
    "tax_minor",
    "total_minor",
    "amount_due_minor",
    "amount_paid_minor",
    "amount_remaining_minor",
    "paid_elsewhere_minor",
    "credited_minor",
    "issued_at",
    "finalized_at",
    "due_at",
    "paid_at",
    "voided_at",
    "written_off_at",
    "period_start",
    "period_end",
    "attempt_count",
    "next_attempt_at",
    "external_payment_id",
    "hosted_url",
    "provider_pdf_url",
    "payer_name",
    "payer_email",
    "payer_address",
    "payer_tax_ids",
    "has_all_lines",
    "lines_digest",
    "snapshot_at",
    "updated_at",
)
_KNOWN = "provider = ANY(%s) AND external_id = ANY(%s)"

_SEEN = """
UPDATE billing_invoice AS invoice SET snapshot_at = seen.at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS seen (id, at) WHERE invoice.id = seen.id
"""
_SHOWN = ("subscription_id", *_FOLLOWED[1:-2])


@dataclasses.dataclass(slots=True)
class _Change:
    """An invoice before and after."""

    arrival: Arrival
    old: Invoice | None
    new: Invoice

    @property
    def is_same(self) -> bool:
        """Say whether nothing is to be written but that it was seen."""
        old = self.old
        return old is not None and all(
            getattr(old, name) == getattr(self.new, name) for name in _SHOWN
        )

    @property
    def has_new_lines(self) -> bool:
        return self.new.lines_digest != (self.old.lines_digest if self.old else "")


def converge_invoices(
    *,
    arrivals: Sequence[Arrival],
    now: datetime,
    record: timeline.Recorder = timeline.record_event,
) -> list[Invoice]:
    """Apply snapshots of invoices, each unless a newer one was applied; return the rows.

    One read and one write for all; lines are written where they differ. What became of each
    invoice is a line of the timeline, and is mailed, in the caller's transaction.
    """
    if not arrivals:
        return []
    known = _known(arrivals)
    changes = [
        _Change(arrival, old, invoice_rows.row_of(arrival, old))
        for arrival in _newest(arrivals)
        if _may_follow(arrival, old := known.get(_key(arrival)))
    ]
    _write(changes)
    for change in changes:
        organization, cause = change.arrival.organization, change.arrival.cause
        for line in invoice_steps.lines(change.old, change.new):
            record(organization=organization, line=line, cause=cause)
        for mailing in invoice_steps.mailings(change.old, change.new):
            invoice_mail.queue_invoice(invoice=change.new, mailing=mailing, now=now)
    reversal_links.link_paid([change.new for change in changes if _was_just_paid(change)], now=now)
    return [change.new for change in changes]


def drop_draft(*, provider: str, external_id: str) -> bool:
    """Forget a draft that its provider has deleted; say whether we had it.

    Only drafts can be deleted there: nobody was told of them.
    """
    drafts = Invoice.objects.filter(provider=provider, external_id=external_id)
    deleted, _ = drafts.filter(finalized_at=None).delete()
    return bool(deleted)


def arrivals_of(subscription: Subscription, change: SubscriptionUpdate) -> list[Arrival]:
    """Return the invoices that came with a snapshot of a subscription."""
    latest = change.snapshot.latest_invoice
    found = [*([latest] if latest else []), *change.along]
    return [
        Arrival(
            subscription.organization,
            subscription.customer,
            subscription,
            snapshot,
            change.fetched_at,
            change.cause,
        )
        for snapshot in found
    ]


def _key(arrival: Arrival) -> tuple[str, str]:
    return (arrival.snapshot.provider, arrival.snapshot.external_id)


def _known(arrivals: Iterable[Arrival]) -> dict[tuple[str, str], Invoice]:
    keys = {_key(arrival) for arrival in arrivals}
    rows = rows_where(Invoice, _KNOWN, [str(by) for by, _ in keys], [name for _, name in keys])
    return {(row.provider, row.external_id): row for row in rows}


def _newest(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Keep one arrival for each invoice: two subscriptions' events may bring the same one."""
    newest: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        other = newest.get(_key(arrival))
        if other is None or arrival.fetched_at >= other.fetched_at:
            newest[_key(arrival)] = arrival
    return list(newest.values())


def _may_follow(arrival: Arrival, old: Invoice | None) -> bool:
    if old is None:
        return True
    if old.organization_id != arrival.organization.pk:
        # Never moved from one tenant to another, whatever the provider's metadata says.
        logger.error("invoice.of_another_tenant", extra={"invoice": str(old.pk)})
        return False
    return arrival.fetched_at >= old.snapshot_at


def _write(changes: Sequence[_Change]) -> None:
    _touch([change for change in changes if change.is_same])
    changes = [change for change in changes if change.new is not change.old]
    if not changes:
        return
    # The constraint, not our look before, decides whether a row is new.
    Invoice.objects.bulk_create(
        [change.new for change in changes],
        update_conflicts=True,
        unique_fields=["provider", "external_id"],
        update_fields=_FOLLOWED,
    )
    renewed = [change for change in changes if change.has_new_lines]
    outdated = [change.old.pk for change in renewed if change.old]
    if outdated:
        InvoiceLine.objects.filter(invoice__in=outdated).delete()
    lines = [
        line
        for change in renewed
        for line in invoice_rows.lines_of(change.arrival.snapshot, change.new)
    ]
    if lines:
        InvoiceLine.objects.bulk_create(lines)


def _touch(changes: Sequence[_Change]) -> None:
    """Note when invoices were last seen that are as they were: most are."""
    for change in changes:
        change.new = change.old or change.new
        change.new.snapshot_at = change.arrival.fetched_at
    if changes:
        rows = [change.new for change in changes]
        with connection.cursor() as cursor:
            cursor.execute(_SEEN, [[row.pk for row in rows], [row.snapshot_at for row in rows]])


def _was_just_paid(change: _Change) -> bool:
    return change.new.paid_at is not None and (change.old is None or change.old.paid_at is None)
