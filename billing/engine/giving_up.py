"""The last step of dunning: a subscription ends, and what it owes is given up, at once."""

from datetime import datetime

from django.db import transaction

from billing.engine import changing, charging, paying, scheduling, snapshots
from billing.engine.house import House
from billing.enums import FINAL_STATUSES, InvoiceStatus


def end_unpaid(house: House, external_invoice_id: str, *, reason: str, now: datetime) -> bool:
    """End a subscription for want of payment, and write its invoice off: both, or neither.

    A process that died in between would leave an open invoice behind that nobody looks at again.
    False where the invoice was paid or given up meanwhile, or its charge is undecided: then nothing
    is done.

    Raises:
        OutcomeUnknown: the charge of a change is undecided.
    """
    invoice = snapshots.find_invoice(house.provider, external_invoice_id)
    if invoice.subscription is None:
        return False
    changing.drop_unpaid(house, invoice.subscription.external_id)
    with transaction.atomic(durable=True):
        locked = charging.lock(invoice.pk)
        row = locked.subscription
        if row is None or locked.is_undecided or locked.status != InvoiceStatus.OPEN:
            return False
        paying.give_up(locked, now=now)
        if row.status not in FINAL_STATUSES:
            row.cancel_reason, row.cancel_comment = reason[:100], ""
            scheduling.end(row, now=now)
    return True
