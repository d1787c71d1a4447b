"""The sweep behind "every invoice is delivered": what was never queued, and what was given up."""

from datetime import datetime, timedelta

from django.db import transaction

from billing.enums import DeliveryKind
from billing.models import Invoice
from billing.selectors import invoices
from billing.services import invoice_mail
from billing.services.invoice_steps import Mailing
from notifications import services as notifications
from orgs.models import Organization

# Older ones are left to staff: nobody expects a mail about them any more.
_LOOKS_BACK = timedelta(days=30)
# A mail was tried for most of a day before it was given up; then it is tried anew once a day.
_PAUSE = timedelta(hours=24)
_AT_ONCE = 200


def deliver_missing(*, now: datetime) -> int:
    """Queue mails for invoices that had none, and those that were given up; say how many."""
    since = now - _LOOKS_BACK
    queued = sum(
        _queue(invoice, now) for invoice in invoices.never_queued(since=since, limit=_AT_ONCE)
    )
    given_up = invoices.given_up_messages(since=since, before=now - _PAUSE)
    return queued + notifications.retry_messages(message_ids=given_up, now=now)


def _queue(invoice: Invoice, now: datetime) -> bool:
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=invoice.organization_id)
        mailing = _mailing(invoice)
        return invoice_mail.queue_invoice(invoice=invoice, mailing=mailing, now=now) is not None


def _mailing(invoice: Invoice) -> Mailing:
    if invoice.paid_at:
        return Mailing(DeliveryKind.PAID)
    if invoice.due_at:
        return Mailing(DeliveryKind.DUE)
    return Mailing(DeliveryKind.PAYMENT_FAILED, number=invoice.attempt_count)
