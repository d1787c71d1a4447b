"""Keeping what providers tell us: verified, once, and before anything else is done with it."""

import json
import re
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from billing import jobs
from billing.enums import InboxState, Provider
from billing.models import InboxEvent
from billing.types import VerifiedWebhook

# The one statement of the intake: `ON CONFLICT` decides whether the event is new, so that two
# deliveries at the same instant are still one event.
_INSERT = """
INSERT INTO billing_inboxevent (provider, account, external_id, type, payload, trace_id)
VALUES (%s, %s, %s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING
"""
# JSON allows NUL characters and halves of surrogate pairs, PostgreSQL's jsonb does not. Escapes of
# whole pairs match too, which only costs them a detour.
_REFUSED_BY_JSONB = re.compile(r"\\u(0000|[dD][89a-fA-F])")


def receive_event(
    *, provider: Provider, account: UUID | None, webhook: VerifiedWebhook, trace_id: str
) -> bool:
    """Store one verified event and have it handled soon; say whether it was new."""
    values = [provider.value, account, webhook.external_id, webhook.type, webhook.body, trace_id]
    if _REFUSED_BY_JSONB.search(webhook.body):
        values[4] = json.dumps(_acceptable(json.loads(webhook.body)))
    was_new = _insert_once(values)
    if was_new:
        jobs.wake_inbox_after_burst()
    return was_new


def _insert_once(values: list[Any]) -> bool:
    """Insert unless it is there already; say whether it was inserted.

    Whether the kept connection still lives is not asked before each event: the statement may be
    repeated, so a connection that broke since the last one is found by using it.
    """
    may_be_broken = connection.connection is not None and not connection.in_atomic_block
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _insert(values)
    except (InterfaceError, OperationalError):
        if not may_be_broken:
            raise
        connection.close()
        return _insert(values)


def _insert(values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        return bool(cursor.rowcount == 1)


def _acceptable(value: Any) -> Any:
    """Drop the characters that can't be stored, in keys and values, at any depth."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "ignore").decode()
    if isinstance(value, list):
        return [_acceptable(item) for item in value]
    if isinstance(value, dict):
        return {_acceptable(key): _acceptable(item) for key, item in value.items()}
    return value


def replay_events(event_ids: list[int]) -> int:
    """Have events handled again that were not handled yet, dead ones included; say how many."""
    count = InboxEvent.objects.filter(
        pk__in=event_ids, state__in=[InboxState.PENDING, InboxState.FAILED, InboxState.DEAD]
    ).update(state=InboxState.PENDING, attempts=0, next_attempt_at=Now(), error="")
    if count:
        jobs.wake_inbox()
    return count
