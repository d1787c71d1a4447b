"""Background tasks: each calls one service."""

from typing import Any
from uuid import UUID

from celery import shared_task

from notifications import jobs, services
from orgs import clock


@shared_task(name=jobs.DELIVER_MESSAGES)
def deliver_messages(*, message_ids: list[str], **_future: Any) -> None:
    """Deliver messages (each is claimed by its state, so twice is once)."""
    for message_id in message_ids:
        services.deliver_message(message_id=UUID(message_id), now=clock.now())


@shared_task(name=jobs.SWEEP_MESSAGES)
def sweep_messages(**_future: Any) -> None:
    """Re-queue every message that is due."""
    services.sweep_messages(now=clock.now())
