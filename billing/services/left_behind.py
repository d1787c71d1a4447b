"""What a worker did that died before billing's rows heard of it.

Mostly that is its last step, which the subscription's latest invoice tells. It may be an older
invoice too: one that was overdue, or one that others went on from before anybody looked.
"""

from collections.abc import Iterable

from billing.engine import snapshots
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.time_steps import facts_of
from billing.enums import InvoiceStatus
from billing.models import Invoice
from billing.types import Fact, InvoiceSnapshot

# A worker leaves few; whoever was away for longer than years is no worker that died.
_MOST = 100
_State = tuple[str, int, int]


def of(row: EngineSubscription) -> tuple[tuple[InvoiceSnapshot, ...], tuple[Fact, ...]]:
    """Return what billing's rows do not know, oldest first: invoices as they are, and facts.

    The latest invoice comes with its subscription: only its facts are returned.
    """
    issued = EngineInvoice.objects.filter(subscription=row).exclude(status=InvoiceStatus.DRAFT)
    related = issued.select_related("payer", "subscription", "attempt")
    newest = list(related.order_by("-issued_at")[:_MOST])
    known = _known(row.provider, newest)
    left = [
        invoice for invoice in newest[::-1] if known.get(invoice.external_id) != _as_is(invoice)
    ]
    along = [snapshots.invoice(invoice) for invoice in left if invoice.pk != row.latest_invoice_id]
    return tuple(along), tuple(fact for invoice in left for fact in facts_of(invoice))


def _as_is(invoice: EngineInvoice) -> _State:
    return invoice.status, invoice.remaining_minor, invoice.attempt_count


def _known(provider: str, invoices: Iterable[EngineInvoice]) -> dict[str, _State]:
    names = [invoice.external_id for invoice in invoices]
    found = Invoice.objects.filter(provider=provider, external_id__in=names)
    columns = found.values_list("external_id", "status", "amount_remaining_minor", "attempt_count")
    return {name: (status, left, tries) for name, status, left, tries in columns}
