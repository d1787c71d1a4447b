"""From stored events to applied state: claim, group by object, fetch once, converge.

An event only says *that* something happened to an object; what is true now is asked of the
provider. So a batch of events about one object costs one fetch, and their order does not matter.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from billing.drivers.base import DriverError
from billing.models import InboxEvent
from billing.services import (
    checkout_sync,
    fetching,
    invoices,
    mirror,
    payers,
    projection,
    retries,
    standalone,
)
from billing.services.fetching import Group
from billing.types import (
    CheckoutSnapshot,
    PayerSnapshot,
    Subject,
    SubscriptionSnapshot,
    SubscriptionUpdate,
)

BATCH = 100
# Objects whose rows are locked and written in one transaction: long enough to share its cost,
# short enough that a request about one of them hardly waits.
_TOGETHER = 20

_CLAIM = """
UPDATE billing_inboxevent
SET state = 'processing', claimed_at = statement_timestamp(), attempts = attempts + 1
WHERE id IN (
    SELECT id FROM billing_inboxevent
    WHERE state IN ('pending', 'failed') AND next_attempt_at <= statement_timestamp()
    ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING *
"""

# A claim that was taken over meanwhile is not ours to finish. What we applied is true all the same.
_DONE = """
UPDATE billing_inboxevent AS event
SET state = 'done', handled_at = statement_timestamp(), claimed_at = NULL, error = '',
    organization_id = done.organization_id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::uuid[]) AS done (id, claimed_at, organization_id)
WHERE event.id = done.id AND event.claimed_at = done.claimed_at AND event.state = 'processing'
"""

logger = logging.getLogger(__name__)


def drain_inbox(*, now: datetime, limit: int = BATCH) -> int:
    """Handle whatever is due, batch by batch; say how many events were handled.

    Whatever comes while the last batch is handled wakes the inbox again.
    """
    handled, is_more = 0, True
    while is_more:
        batch = _claim(limit)
        handled += _handle_batch(batch, now) if batch else 0
        is_more = len(batch) == limit
    return handled


def _claim(limit: int) -> list[InboxEvent]:
    """Take events by changing their status: a second drainer skips what we are looking at."""
    return sorted(InboxEvent.objects.raw(_CLAIM, [limit]), key=lambda event: event.pk)


def _handle_batch(batch: Sequence[InboxEvent], now: datetime) -> int:
    groups = fetching.group_events(batch)
    fetching.fetch_all(groups)
    ready = [group for group in groups if isinstance(group.snapshot, SubscriptionSnapshot)]
    handled = 0
    for start in range(0, len(ready), _TOGETHER):
        handled += _handle_together(ready[start : start + _TOGETHER], now)
    for group in groups:
        if not isinstance(group.snapshot, SubscriptionSnapshot):
            handled += _handle_alone(group, now)
    mirror.wake_if_waiting()
    return handled


def _handle_together(groups: Sequence[Group], now: datetime) -> int:
    """Apply several objects in one transaction; one by one if that fails."""
    if len(groups) > 1:
        try:
            return _apply_together(groups, now)
        except Exception as error:  # noqa: BLE001 - said where the object is handled alone
            logger.warning("inbox.one_by_one", extra={"error": retries.describe(error)})
    return sum(_handle_alone(group, now) for group in groups)


def _handle_alone(group: Group, now: datetime) -> int:
    try:
        return _apply(group, now)
    except (DriverError, LookupError) as error:
        retries.fail(rows=group.rows, error=error)
    except Exception as error:  # one poisoned object must not stop the others
        logger.exception("inbox.broken", extra={"events": [row.pk for row in group.rows]})
        retries.fail(rows=group.rows, error=error)
    return 0


def _apply_together(groups: Sequence[Group], now: datetime) -> int:
    """Apply the truth about several subscriptions, and mark their events done."""
    with transaction.atomic():
        changes = [_change(group, group.snapshot) for group in groups]
        applied = projection.converge_together(changes=changes, now=now)
        ours = {
            group: row.subscription.organization_id
            for group, row in zip(groups, applied, strict=True)
            if row
        }
        _note_for_mirror(ours)
        handled = _mark_done(ours)
    for group in groups:
        if group not in ours:
            error = projection.UnknownSubscription(_name(group))
            retries.fail(rows=group.rows, error=error)
    return handled


def _name(group: Group) -> str:
    return group.subject.external_id if group.subject else ""


def _change(group: Group, snapshot: object) -> SubscriptionUpdate:
    if not isinstance(snapshot, SubscriptionSnapshot) or group.fetched_at is None:
        raise TypeError("Only subscriptions are applied together.")
    return SubscriptionUpdate(snapshot, group.fetched_at, group.cause, group.facts, group.along)


def _apply(group: Group, now: datetime) -> int:
    """Apply one object's truth and mark its events done, in one transaction."""
    if group.error is not None:
        raise group.error
    if isinstance(group.snapshot, CheckoutSnapshot):
        # Brings its own transaction first: the subscription it leads to has to be fetched.
        checkout_sync.converge_checkout(
            provider=group.provider, snapshot=group.snapshot, cause=group.cause, now=now
        )
    with transaction.atomic():
        organization_id = _converge(group, now)
        _note_for_mirror([group])
        return _mark_done({group: organization_id})


def _note_for_mirror(groups: Iterable[Group]) -> None:
    """Note what is to be copied, sorted over all groups so that two workers never deadlock."""
    by_provider: dict[str, list[Subject]] = {}
    for group in groups:
        by_provider.setdefault(group.provider, []).extend(group.mirrored)
    for provider, subjects in sorted(by_provider.items()):
        mirror.note(provider=provider, subjects=subjects)


def _mark_done(organizations: Mapping[Group, object]) -> int:
    """Mark the events of groups done that are still ours; say how many were.

    Each group comes with the id of the organization it concerned, None for nobody's.
    """
    found = [(row, organizations[group]) for group in organizations for row in group.rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _DONE,
            [
                [row.pk for row, _ in found],
                [row.claimed_at for row, _ in found],
                [organization_id for _, organization_id in found],
            ],
        )
        handled: int = cursor.rowcount
    return handled


def _converge(group: Group, now: datetime) -> object:
    """Apply snapshot and facts; return the organization's id, or None if it concerns none."""
    snapshot, fetched_at = group.snapshot, group.fetched_at
    if group.handler is not None and fetched_at is not None:
        return group.handler.apply(
            group.news, group.answer, fetched_at=fetched_at, cause=group.cause, now=now
        )
    if snapshot is None or fetched_at is None:
        return _without_snapshot(group)
    if isinstance(snapshot, SubscriptionSnapshot):
        done = projection.converge(
            snapshot=snapshot,
            fetched_at=fetched_at,
            cause=group.cause,
            now=now,
            happened=group.facts,
            along=group.along,
        )
        return done.subscription.organization_id
    if isinstance(snapshot, CheckoutSnapshot):
        return checkout_sync.organization_of(group.provider, snapshot)
    if isinstance(snapshot, PayerSnapshot):
        payer = payers.converge_payer(
            snapshot=snapshot, fetched_at=fetched_at, cause=group.cause, now=now
        )
        return payer.customer.organization_id if payer else None
    return standalone.converge_standalone(
        snapshot=snapshot,
        along=group.along,
        happened=group.facts,
        fetched_at=fetched_at,
        cause=group.cause,
        now=now,
    )


def _without_snapshot(group: Group) -> object:
    """Follow an object that the provider does not have, or keep facts that need none."""
    if group.is_missing and group.subject and group.subject.kind == "invoice":
        invoices.drop_draft(provider=group.provider, external_id=group.subject.external_id)
    organization_id: object = None
    for member in group.members:
        if member.event.fact is not None:
            organization_id = standalone.record_fact_alone(
                provider=group.provider, event=member.event, cause=group.cause
            )
    return organization_id
