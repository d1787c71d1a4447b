"""The raw mirror of a provider's objects: follows behind, one row of work per object.

Nothing of ours waits for it or decides from it. Its worker is the one exception to "no network in
a transaction", inside the driver, with the driver's time-outs.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from billing import jobs
from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.models import MirrorTodo
from billing.types import Subject

_UPSERT = """
INSERT INTO billing_mirrortodo (provider, object_type, external_id, generation, attempts, error)
SELECT %s, kind, external_id, 1, 0, '' FROM unnest(%s::text[], %s::text[]) AS t (kind, external_id)
ON CONFLICT (provider, object_type, external_id) DO UPDATE
SET generation = billing_mirrortodo.generation + 1, next_attempt_at = statement_timestamp()
"""
_MAX_ATTEMPTS = 20
_PAUSE_S = 30

logger = logging.getLogger(__name__)


def note(*, provider: str, subjects: Iterable[Subject]) -> None:
    """Write down which objects to copy, in the caller's transaction; sorted against deadlocks."""
    if not registry.get_driver(provider).capabilities.mirror:
        return
    wanted = sorted({(subject.kind, subject.external_id) for subject in subjects})
    if not wanted:
        return
    kinds, ids = [kind for kind, _ in wanted], [external_id for _, external_id in wanted]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [provider, kinds, ids])


def wake_if_waiting() -> None:
    """Have the mirror's worker look, at the end of a batch."""
    jobs.wake_mirror()


def drain_mirror(*, limit: int = 200) -> int:
    """Copy what is due; say how many objects. Meant for one worker at a time."""
    due = MirrorTodo.objects.filter(next_attempt_at__lte=Now()).order_by("next_attempt_at", "id")
    copied = 0
    for todo in due[:limit]:
        copied += _copy(todo)
    return copied


def _copy(todo: MirrorTodo) -> bool:
    subject = Subject(todo.object_type, todo.external_id)
    try:
        registry.get_driver(todo.provider).copy_to_mirror(subject)
    except DriverError as error:
        _postpone(todo, str(error))
        return False
    except Exception as error:  # the mirror is dj-stripe's: whatever it trips over stays there
        logger.exception("mirror.broken", extra={"object": todo.external_id})
        _postpone(todo, type(error).__name__)
        return False
    # A newer event meanwhile raised the generation: then the row stays, and is copied again.
    MirrorTodo.objects.filter(pk=todo.pk, generation=todo.generation).delete()
    return True


def _postpone(todo: MirrorTodo, error: str) -> None:
    attempts = todo.attempts + 1
    if attempts >= _MAX_ATTEMPTS:
        logger.error("mirror.given_up", extra={"object": todo.external_id})
    pause = timedelta(seconds=_PAUSE_S * min(attempts, _MAX_ATTEMPTS) ** 2)
    MirrorTodo.objects.filter(pk=todo.pk).update(
        attempts=attempts, error=error[:500], next_attempt_at=Now() + pause
    )
