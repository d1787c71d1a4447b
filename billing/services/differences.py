"""Keeping differences: one row each, seen again, gone by themselves, ignored with a reason."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.models import Difference
from billing.models.differences import DifferenceQuerySet
from billing.types.differences import DifferenceState, Found, Look, Resolution
from orgs.base import insert_once
from orgs.errors import InvalidRequest

_LONGEST_REASON = 500  # what the column takes


def record_look(
    *,
    look: Look,
    now: datetime,
    resolution: Resolution = Resolution.GONE,
    decided_by_id: uuid.UUID | None = None,
) -> int:
    """Write down what a comparison of one object came to; return how many differences stand.

    What stood and was not found any more is resolved, as `resolution` says.
    """
    with transaction.atomic():
        for found in look.found:
            if not insert_once(_new(look, found, now)):
                _seen_again(look, found, now)
        gone = _of(look).exclude(kind__in=[found.kind for found in look.found])
        gone.update(
            state=DifferenceState.RESOLVED,
            resolution=resolution,
            resolved_at=now,
            updated_at=now,
            **({"decided_by_id": decided_by_id} if decided_by_id else {}),
        )
    return len(look.found)


def ignore_difference(
    *, difference: Difference, reason: str, decided_by_id: uuid.UUID, now: datetime
) -> bool:
    """Let a difference be while it stays exactly as it is; say whether it was open.

    Raises:
        InvalidRequest: without a reason nobody will know why.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidRequest(fields={"reason": ["This field is required."]})
    return bool(
        Difference.objects.filter(pk=difference.pk, state=DifferenceState.OPEN).update(
            state=DifferenceState.IGNORED,
            reason=reason[:_LONGEST_REASON],
            decided_by_id=decided_by_id,
            updated_at=now,
        )
    )


def _of(look: Look) -> DifferenceQuerySet:
    return Difference.objects.standing().filter(
        provider=look.provider, object_type=look.object_type, external_id=look.external_id
    )


def _new(look: Look, found: Found, now: datetime) -> Difference:
    return Difference(
        organization_id=look.organization_id,
        provider=look.provider,
        kind=found.kind,
        object_type=look.object_type,
        external_id=look.external_id,
        object_id=look.object_id,
        ours=found.ours,
        theirs=found.theirs,
        remedy=found.remedy,
        first_seen_at=now,
        last_seen_at=now,
    )


def _seen_again(look: Look, found: Found, now: datetime) -> None:
    """Bring a row up to date; one that was ignored with other values is open again."""
    row = _of(look).select_for_update(of=("self",)).filter(kind=found.kind).first()
    if row is None:  # resolved between our two statements: the next comparison finds it
        return
    is_same = (row.ours, row.theirs) == (found.ours, found.theirs)
    if row.state == DifferenceState.IGNORED and not is_same:
        row.state, row.reason, row.decided_by = DifferenceState.OPEN, "", None
    row.organization_id = row.organization_id or look.organization_id
    row.object_id = look.object_id or row.object_id
    row.ours, row.theirs, row.remedy = found.ours, found.theirs, found.remedy
    row.times_seen += 1
    row.last_seen_at = now
    row.save()
