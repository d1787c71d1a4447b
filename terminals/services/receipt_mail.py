"""Mailing a receipt to whoever paid, when the till asks for it: one message for each mail."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from billing.money import Money
from notifications import selectors as messages
from notifications import services as notifications
from notifications.attachments import Attachment
from notifications.catalog import TERMINAL_RECEIPT
from notifications.models import Message
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import receipt_pdf, receipts


def send(*, payment: TerminalPayment, to: str, now: datetime) -> Message:
    """Queue a mail with the receipt of a payment; asked for again, it is sent again.

    Raises:
        ReceiptNotReady: nothing was taken.
    """
    receipt = receipts.make(payment)
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=payment.organization_id)
        key = f"{payment.pk}:{len(sent(payment)) + 1}"
        notifications.queue_message(
            organization=locked,
            kind=TERMINAL_RECEIPT.kind,
            key=key,
            to=to,
            context={
                "merchant": receipt.merchant,
                "number": receipt.number,
                "amount": Money(payment.captured_minor, payment.currency).display(),
                "paid_on": f"{receipt.taken_at:%-d %B %Y}",
                "receipt": receipts.as_text(receipt),
                "support_email": settings.SUPPORT_EMAIL,
            },
            now=now,
        )
        return messages.message_by_key(locked, kind=TERMINAL_RECEIPT.kind, key=key, to=to)


def sent(payment: TerminalPayment) -> list[Message]:
    """Return the mails that brought the receipt of a payment, newest first."""
    rows = Message.objects.filter(organization=payment.organization_id, kind=TERMINAL_RECEIPT.kind)
    return list(rows.filter(key__startswith=f"{payment.pk}:").order_by("-created_at"))


def attach(message: Message) -> Sequence[Attachment]:
    """Return the PDF that goes with a mail; made anew whenever it is sent."""
    if message.organization is None:
        return ()
    payment_id = UUID(message.key.partition(":")[0])
    receipt = receipts.make(payments.get_payment(message.organization, payment_id))
    return (
        Attachment(receipt_pdf.filename(receipt), receipt_pdf.render(receipt), receipt_pdf.PDF),
    )
