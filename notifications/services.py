"""Queueing a mail in the transaction that made it necessary, and delivering it afterwards.

Delivery is at least once. Before a mail is handed to the mail server its row is claimed, so two
workers never send it at the same time. If the process dies in between, nobody knows whether the
server took it; the row is then tried again when the claim is ten minutes old, because a
confirmation that comes twice does less harm than one that never comes. All tries carry the same
Message-ID, by which most mailboxes show such a pair as one.
"""

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from anymail.message import AnymailMessage  # type: ignore[import-untyped] # ships no types
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.template import loader

from notifications import attachments, catalog, jobs, selectors
from notifications.models import Message, MessageState
from orgs.base import insert_once
from orgs.models import Organization

# After the first, second … failed try. The try after the last of these is the last one.
BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(BACKOFF) + 1
SWEEP_LIMIT = 500

logger = logging.getLogger(__name__)


# --- Queueing ---------------------------------------------------------------------------------


def queue_message(
    *,
    organization: Organization | None,
    kind: str,
    key: str,
    to: str,
    context: Mapping[str, Any],
    now: datetime,
) -> UUID | None:
    """Store a mail once per kind, key and address; have it delivered after the commit.

    Args:
        organization: whose matter it is; None: the platform's own.
        kind: name in the catalogue.
        key: what makes it one mail and not two, for example the id of what it is about.
        to: the address.
        context: what the templates need, ready to be read (JSON values only).
        now: business time.

    Returns:
        Its id; None if there was one already.

    Raises:
        UnknownKind: the catalogue has no such mail.
        ContextIncomplete: the templates need more than that.
    """
    mail = catalog.get_mail(kind)
    mail.check(context)
    secrets = {name: context[name] for name in sorted(mail.secrets)}
    message = Message(
        organization=organization,
        kind=kind,
        key=key,
        to=to,
        context={name: value for name, value in context.items() if name not in secrets},
        sealed=json.dumps(secrets) if secrets else "",
        next_attempt_at=now,
    )
    with transaction.atomic(savepoint=False):
        if not insert_once(message):
            return None
        jobs.queue_delivery(message.pk)
    return message.pk


def retry_messages(*, message_ids: Sequence[UUID], now: datetime) -> int:
    """Have messages that were given up, or wait after a failure, tried anew; say how many."""
    with transaction.atomic():
        rows = Message.objects.select_for_update().filter(
            pk__in=message_ids, state__in=[MessageState.FAILED, MessageState.DEAD]
        )
        found = list(rows.values_list("pk", flat=True))
        Message.objects.filter(pk__in=found).update(
            state=MessageState.QUEUED, attempts=0, next_attempt_at=now, error="", updated_at=now
        )
        for message_id in found:
            jobs.queue_delivery(message_id)
    return len(found)


# --- Delivering -------------------------------------------------------------------------------


def deliver_message(*, message_id: UUID, now: datetime) -> bool:
    """Send one message if it is due and nobody else is at it; say whether it was sent."""
    message = _claim(message_id, now)
    if message is None:
        return False
    try:
        provider_message_id = _send(message)
    except Exception as error:  # noqa: BLE001 - a mail backend may raise anything
        _note_failure(message, error, now)
        return False
    # Whoever holds the claim by now: it was sent.
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.SENT,
        sent_at=now,
        claimed_at=None,
        provider_message_id=provider_message_id,
        sealed="",
        error="",
        updated_at=now,
    )
    logger.info("message.sent", extra={"mail": str(message.pk), "kind": message.kind})
    return True


def _claim(message_id: UUID, now: datetime) -> Message | None:
    claimable = Message.objects.filter(
        selectors.is_due(now), pk=message_id, attempts__lt=MAX_ATTEMPTS
    )
    if not claimable.update(
        state=MessageState.SENDING, claimed_at=now, attempts=F("attempts") + 1, updated_at=now
    ):
        return None
    return Message.objects.select_related("organization").get(pk=message_id)


@dataclasses.dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's three parts."""

    subject: str
    text: str
    html: str


def render_message(message: Message) -> Rendered:
    """Fill in a message's templates; the subject becomes one line."""
    mail = catalog.get_mail(message.kind)
    context = {**message.context, **json.loads(message.sealed or "{}")}
    subject = loader.render_to_string(mail.subject_template, context)
    return Rendered(
        subject=" ".join(subject.split()),
        text=loader.render_to_string(mail.text_template, context).strip() + "\n",
        html=loader.render_to_string(
            mail.html_template, {**context, "subject": " ".join(subject.split())}
        ),
    )


def _send(message: Message) -> str:
    """Hand the mail to the backend; return the mail provider's id of it, if it gives one."""
    rendered = render_message(message)
    mail = AnymailMessage(
        subject=rendered.subject,
        body=rendered.text,
        to=[message.to],
        reply_to=[settings.SUPPORT_EMAIL],
        headers={"Message-ID": _message_id(message), "Auto-Submitted": "auto-generated"},
        tags=[message.kind],
        metadata={"message": str(message.pk), "organization": str(message.organization_id or "")},
    )
    mail.attach_alternative(rendered.html, "text/html")
    for file in attachments.made_for(message):
        mail.attach(file.name, file.content, file.mimetype)
    mail.send()
    # Nothing from a backend that is not anymail's; a set of ids only for several recipients.
    known = mail.anymail_status.message_id
    return "" if known is None or isinstance(known, set) else str(known)


def _message_id(message: Message) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message.pk}@{domain}>"


def _note_failure(message: Message, error: Exception, now: datetime) -> None:
    """Plan the next try, unless the claim was taken over meanwhile."""
    is_last = message.attempts >= MAX_ATTEMPTS
    wait = timedelta() if is_last else BACKOFF[message.attempts - 1]
    Message.objects.filter(
        pk=message.pk, state=MessageState.SENDING, claimed_at=message.claimed_at
    ).update(
        state=MessageState.DEAD if is_last else MessageState.FAILED,
        next_attempt_at=now + wait,
        claimed_at=None,
        error=_describe(error),
        updated_at=now,
    )
    log = logger.error if is_last else logger.warning
    log("message.failed", extra={"mail": str(message.pk), "error": _describe(error)})


def _describe(error: Exception) -> str:
    """Name an error by its class and code: its text may quote a key or an address."""
    code = getattr(error, "status_code", None) or getattr(error, "smtp_code", None)
    name = type(error).__name__
    return f"{name} {code}" if isinstance(code, int) else name


def sweep_messages(*, now: datetime) -> int:
    """Re-queue what is due and give up what died on its last try; say how many were re-queued."""
    Message.objects.filter(selectors.is_abandoned(now), attempts__gte=MAX_ATTEMPTS).update(
        state=MessageState.DEAD, claimed_at=None, error="OutcomeUnknown", updated_at=now
    )
    count = 0
    due = selectors.due_messages(now, limit=SWEEP_LIMIT)
    for start in range(0, len(due), jobs.MESSAGES_PER_JOB):
        batch = due[start : start + jobs.MESSAGES_PER_JOB]
        if not jobs.send_deliveries(batch):
            break  # the broker is down: the next sweep finds the rest
        count += len(batch)
    return count
