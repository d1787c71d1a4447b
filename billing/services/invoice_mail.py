"""Mailing invoices: decided with the step that calls for it, one row for each mail.

The PDF is made when the mail is sent (see `invoice_files`), not stored.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from billing.enums import DeliveryKind, InvoiceStatus
from billing.errors import InvoiceNotReady
from billing.models import Invoice, InvoiceDelivery
from billing.money import Money
from billing.selectors import access
from billing.services.invoice_steps import Mailing
from notifications import selectors as messages
from notifications import services as notifications
from orgs.base import insert_once
from orgs.models import Organization

# Messages of these kinds carry the invoice as a file.
INVOICE = "invoice"
PAYMENT_FAILED = "payment_failed"

# Where a mail leads: to what its button says, not to a page that has a link to it.
_INVOICES_PATH = "/settings/billing/invoices"
_CARDS_PATH = "/settings/billing/payment-methods"

logger = logging.getLogger(__name__)


def address_of(invoice: Invoice) -> str:
    """Return where an invoice goes: as the subscription says, else its payer; empty for nowhere."""
    subscription, customer = invoice.subscription, invoice.customer
    if subscription is not None and subscription.billing_email:
        return str(subscription.billing_email)
    return str(customer.email if customer.reference is not None else invoice.organization.email)


def queue_invoice(
    *, invoice: Invoice, mailing: Mailing, now: datetime, to: str = ""
) -> InvoiceDelivery | None:
    """Queue a mail with an invoice in the caller's transaction; None without an address.

    Once for each kind, number and address: asked again, the first one is returned.
    """
    to = to or address_of(invoice)
    if not to:
        logger.warning("invoice.no_address", extra={"invoice": str(invoice.pk)})
        return None
    is_failure = mailing.kind is DeliveryKind.PAYMENT_FAILED
    kind = PAYMENT_FAILED if is_failure else INVOICE
    key = f"{invoice.external_id}:{mailing.kind}:{mailing.number}"
    context = _failure(invoice) if is_failure else _document(invoice)
    message_id = notifications.queue_message(
        organization=invoice.organization, kind=kind, key=key, to=to, context=context, now=now
    )
    about = {"invoice": invoice, "kind": mailing.kind, "number": mailing.number, "to": to}
    if message_id is None:
        return _known(invoice, kind=kind, key=key, about=about)
    delivery = InvoiceDelivery(organization=invoice.organization, message_id=message_id, **about)
    insert_once(delivery)
    return delivery


def _known(invoice: Invoice, *, kind: str, key: str, about: Mapping[str, Any]) -> InvoiceDelivery:
    """Return the delivery of a mail that was queued before."""
    message = messages.message_by_key(invoice.organization, kind=kind, key=key, to=about["to"])
    found, _ = InvoiceDelivery.objects.get_or_create(
        **about, defaults={"organization": invoice.organization, "message": message}
    )
    return found


def send_copy(*, invoice: Invoice, now: datetime, to: str = "") -> InvoiceDelivery:
    """Mail an invoice again, to its usual address or another one.

    Raises:
        InvoiceNotReady: a draft, or nobody to send it to.
    """
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=invoice.organization_id)
        if not invoice.is_finalized:
            raise InvoiceNotReady
        copies = invoice.deliveries.filter(kind=DeliveryKind.COPY)
        last = copies.aggregate(last=Max("number"))["last"] or 0
        mailing = Mailing(DeliveryKind.COPY, number=last + 1)
        delivery = queue_invoice(invoice=invoice, mailing=mailing, now=now, to=to)
    if delivery is None:
        raise InvoiceNotReady
    return delivery


def _document(invoice: Invoice) -> dict[str, Any]:
    is_paid = invoice.status == InvoiceStatus.PAID
    is_open = invoice.status == InvoiceStatus.OPEN and invoice.amount_remaining_minor > 0
    return {
        **_common(invoice, path=_INVOICES_PATH),
        "is_paid": is_paid,
        "amount": _money(
            invoice, invoice.amount_remaining_minor if is_open else invoice.total_minor
        ),
        "paid_on": _day(invoice.paid_at),
        "due": _day(invoice.due_at) if is_open else "",
        "pay_url": invoice.hosted_url if is_open else "",
    }


def _failure(invoice: Invoice) -> dict[str, Any]:
    subscription = invoice.subscription
    ends = access.grace_ends_at(subscription) if subscription else None
    return {
        **_common(invoice, path=_CARDS_PATH),
        "plan": subscription.plan_version.plan.name if subscription else "",
        "amount": _money(invoice, invoice.amount_remaining_minor),
        "next_attempt": _day(invoice.next_attempt_at),
        "access_until": _day(ends),
        "pay_url": invoice.hosted_url,
    }


def _common(invoice: Invoice, *, path: str) -> dict[str, Any]:
    return {
        "organization": invoice.payer_name or invoice.organization.name,
        "number": str(invoice),
        "manage_url": f"{settings.PUBLIC_URL}{path}",
        "support_email": settings.SUPPORT_EMAIL,
    }


def _money(invoice: Invoice, amount_minor: int) -> str:
    return Money(amount_minor, invoice.currency).display()


def _day(moment: datetime | None) -> str:
    return f"{moment:%-d %B %Y}" if moment else ""
