"""Background jobs of this app."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from orgs.services import idempotency


@shared_task(name="orgs.purge_idempotency")
def purge_idempotency(**_future: Any) -> None:
    """Delete the answers to writes that are older than seven days."""
    idempotency.purge_records(now=timezone.now())
