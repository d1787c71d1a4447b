"""Mails about invoices, sent."""

from datetime import timedelta
from typing import Any

from django.core import mail

from notifications import services as notifications
from notifications.models import Message
from tests.billing.builders import NOW
from tests.billing.invoice_steps import snapshot_of


def deliver(now: Any = NOW) -> list[Any]:
    """Send whatever waits; return the mails."""
    for message in Message.objects.order_by("created_at"):
        notifications.deliver_message(message_id=message.pk, now=now)
    return list(mail.outbox)


def renewal_failed(**changes: Any) -> Any:
    fields = {"attempt_count": 1, "next_attempt_at": NOW + timedelta(days=3)}
    return snapshot_of(**{**fields, **changes})
