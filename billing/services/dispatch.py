"""From stored events to applied state: claim, group by object, fetch once, converge.

An event only says *that* something happened to an object; what is true now is asked of the
provider. So a batch of events about one object costs one fetch, and their order does not matter.
"""

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connection, transaction
from django.db.models.functions import Now

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import InboxState
from billing.models import Customer, InboxEvent
from billing.services import checkout_sync, facts, mirror, projection, retries
from billing.types import (
    Cause,
    CheckoutSnapshot,
    NormalizedEvent,
    Subject,
    SubscriptionSnapshot,
)
from orgs.models import Organization

BATCH = 100
_FETCHERS = 8
_SUBSCRIPTION = "subscription"
_CHECKOUT = "checkout_session"

_CLAIM = """
UPDATE billing_inboxevent
SET state = 'processing', claimed_at = statement_timestamp(), attempts = attempts + 1
WHERE id IN (
    SELECT id FROM billing_inboxevent
    WHERE state IN ('pending', 'failed') AND next_attempt_at <= statement_timestamp()
    ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

logger = logging.getLogger(__name__)

Snapshot = SubscriptionSnapshot | CheckoutSnapshot


class UnknownCustomer(LookupError):
    """A fact about a payer who is not (yet) one of ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Claimed:
    row: InboxEvent
    event: NormalizedEvent


@dataclasses.dataclass(slots=True)
class _Group:
    """The events of one batch that are about the same object."""

    provider: str
    subject: Subject | None
    members: list[_Claimed] = dataclasses.field(default_factory=list)
    fetched_at: datetime | None = None
    snapshot: Snapshot | None = None
    error: Exception | None = None

    @property
    def cause(self) -> Cause:
        """Name the newest event: the one that a person looks for."""
        newest = max(self.members, key=lambda member: member.event.occurred_at)
        return Cause("webhook", id=newest.event.external_id, detail=newest.event.provider_type)


def drain_inbox(*, now: datetime, limit: int = BATCH) -> int:
    """Handle whatever is due, batch by batch; say how many events were handled."""
    handled = 0
    while batch := _claim(limit):
        handled += _handle_batch(batch, now)
    return handled


def _claim(limit: int) -> list[InboxEvent]:
    """Take events by changing their status: a second drainer skips what we are looking at."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [limit])
        ids = [row[0] for row in cursor.fetchall()]
    return list(InboxEvent.objects.filter(pk__in=ids).order_by("pk")) if ids else []


def _handle_batch(batch: Sequence[InboxEvent], now: datetime) -> int:
    groups = list(_grouped(batch))
    _fetch_all(groups)
    handled = 0
    for group in groups:
        try:
            handled += _apply(group, now)
        except (DriverError, LookupError) as error:
            retries.fail(rows=[member.row for member in group.members], error=error)
        except Exception as error:  # one poisoned object must not stop the others
            logger.exception("inbox.broken", extra={"events": _ids(group)})
            retries.fail(rows=[member.row for member in group.members], error=error)
    mirror.wake_if_waiting()
    return handled


def _ids(group: _Group) -> list[int]:
    return [member.row.pk for member in group.members]


def _grouped(batch: Iterable[InboxEvent]) -> Iterable[_Group]:
    groups: dict[tuple[str, str, str], _Group] = {}
    for row in batch:
        try:
            event = registry.get_driver(row.provider).normalize_webhook(row.payload)
        except Exception as error:  # a payload we can't read is a bug or a new shape: keep it
            logger.exception("inbox.unreadable", extra={"event": row.pk})
            retries.fail(rows=[row], error=error)
            continue
        subject = event.subject
        # Facts without a subject stand alone: one unknown payer must not hold up another.
        key = (
            (row.provider, subject.kind, subject.external_id)
            if subject
            else (row.provider, "", str(row.pk))
        )
        group = groups.setdefault(key, _Group(row.provider, subject))
        group.members.append(_Claimed(row, event))
    return groups.values()


def _fetch_all(groups: Sequence[_Group]) -> None:
    """Fetch every object once, several at a time, with no transaction open."""
    wanted = [group for group in groups if group.subject is not None]
    for group in wanted:
        group.fetched_at = projection.database_now()
    if len(wanted) == 1:
        _fetch(wanted[0])
    elif wanted:
        with ThreadPoolExecutor(min(_FETCHERS, len(wanted))) as pool:
            list(pool.map(_fetch, wanted))


def _fetch(group: _Group) -> None:
    """Ask the provider; an error is kept for the group it belongs to. Touches no database."""
    if group.subject is None:
        return
    driver = registry.get_driver(group.provider)
    try:
        if group.subject.kind == _CHECKOUT:
            group.snapshot = driver.retrieve_checkout_session(group.subject.external_id)
        else:
            group.snapshot = driver.retrieve_subscription(group.subject.external_id)
    except Exception as error:  # noqa: BLE001 - raised again where the group is handled
        group.error = error


def _apply(group: _Group, now: datetime) -> int:
    """Apply one object's truth and mark its events done, in one transaction."""
    if group.error is not None:
        raise group.error
    if isinstance(group.snapshot, CheckoutSnapshot):
        # Brings its own transaction first: the subscription it leads to has to be fetched.
        checkout_sync.converge_checkout(
            provider=group.provider, snapshot=group.snapshot, cause=group.cause, now=now
        )
    with transaction.atomic():
        mine = _still_ours(group)
        if not mine:
            return 0
        organization_id = _converge(group, now)
        mirror.note(
            provider=group.provider,
            subjects=[subject for member in group.members for subject in member.event.mirror],
        )
        InboxEvent.objects.filter(pk__in=mine).update(
            state=InboxState.DONE,
            handled_at=Now(),
            claimed_at=None,
            error="",
            organization_id=organization_id,
        )
    return len(mine)


def _still_ours(group: _Group) -> list[int]:
    """Lock our claims; a claim that was taken over meanwhile is not ours to finish."""
    claims = {member.row.pk: member.row.claimed_at for member in group.members}
    rows = (
        InboxEvent.objects.select_for_update()
        .filter(pk__in=claims, state=InboxState.PROCESSING)
        .order_by("pk")
        .values_list("pk", "claimed_at")
    )
    return [pk for pk, claimed_at in rows if claims[pk] == claimed_at]


def _converge(group: _Group, now: datetime) -> object:
    """Apply snapshot and facts; return the organization's id, or None if it concerns none."""
    happened = [member.event.fact for member in group.members if member.event.fact]
    if isinstance(group.snapshot, SubscriptionSnapshot) and group.fetched_at:
        done = projection.converge(
            snapshot=group.snapshot,
            fetched_at=group.fetched_at,
            cause=group.cause,
            now=now,
            happened=happened,
        )
        return done.subscription.organization_id
    if isinstance(group.snapshot, CheckoutSnapshot):
        return checkout_sync.organization_of(group.provider, group.snapshot)
    return _record_facts(group) if happened else None


def _record_facts(group: _Group) -> object:
    """Keep facts that no subscription stands behind, with the payer they name."""
    organization: Organization | None = None
    for member in group.members:
        if member.event.fact is None:
            continue
        payer = Customer.objects.filter(
            provider=group.provider, external_id=member.event.external_customer_id or "-"
        ).first()
        if payer is None:
            raise UnknownCustomer(member.event.external_customer_id)
        organization = Organization.objects.select_for_update(no_key=True).get(
            pk=payer.organization_id
        )
        facts.record_fact(
            provider=group.provider,
            organization=organization,
            subscription=None,
            fact=member.event.fact,
            cause=group.cause,
        )
    return organization.pk if organization else None
