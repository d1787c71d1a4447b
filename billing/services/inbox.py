"""Keeping what providers tell us: verified, once, and before anything else is done with it."""

import json
from typing import Any
from uuid import UUID

from django.db import DataError, connection
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


def receive_event(
    *, provider: Provider, account: UUID | None, webhook: VerifiedWebhook, trace_id: str
) -> bool:
    """Store one verified event and have it handled soon; say whether it was new."""
    values = [provider.value, account, webhook.external_id, webhook.type, webhook.body, trace_id]
    with connection.cursor() as cursor:
        try:
            cursor.execute(_INSERT, values)
        except DataError:
            # PostgreSQL's jsonb refuses NUL characters, which JSON allows: drop them.
            values[4] = json.dumps(_without_nul(json.loads(webhook.body)))
            cursor.execute(_INSERT, values)
        was_new = bool(cursor.rowcount == 1)
    if was_new:
        jobs.wake_inbox()
    return was_new


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


def replay_events(event_ids: list[int]) -> int:
    """Have events handled again that were not handled yet, dead ones included; say how many."""
    count = InboxEvent.objects.filter(
        pk__in=event_ids, state__in=[InboxState.PENDING, InboxState.FAILED, InboxState.DEAD]
    ).update(state=InboxState.PENDING, attempts=0, next_attempt_at=Now(), error="")
    if count:
        jobs.wake_inbox()
    return count
