"""Reads of outgoing mail."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from notifications.models import Message, MessageState
from orgs.models import Organization

# Longer than any backend takes to send one mail: an older claim belongs to a process that died.
CLAIM_LEASE = timedelta(minutes=10)


def messages_of(organization: Organization) -> QuerySet[Message]:
    """Return an organization's messages, newest first."""
    return Message.objects.for_org(organization)


def message_by_key(organization: Organization, *, kind: str, key: str, to: str) -> Message:
    """Return the message that was queued under a key."""
    return Message.objects.for_org(organization).get(kind=kind, key=key, to=to)


def is_due(now: datetime) -> Q:
    """Return the condition under which a message may be claimed."""
    waiting = Q(state__in=[MessageState.QUEUED, MessageState.FAILED], next_attempt_at__lte=now)
    return waiting | is_abandoned(now)


def is_abandoned(now: datetime) -> Q:
    """Return the condition under which a message's claim has outlived its holder."""
    return Q(state=MessageState.SENDING, claimed_at__lt=now - CLAIM_LEASE)


def due_messages(now: datetime, *, limit: int) -> list[UUID]:
    """Return the ids of messages to deliver, the longest waiting first."""
    due = Message.objects.filter(is_due(now)).order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:limit])
