"""The one function through which every provider's truth reaches our tables.

The request that started something, its webhook, the resolver and the sweep all end here, so it
does not matter which of them comes first, or how often.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from billing import transitions
from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import (
    FINAL_STATUSES,
    LIVE_STATUSES,
    AttemptState,
    FactKind,
    SubscriptionStatus,
)
from billing.models import Subscription
from billing.services import (
    activation,
    cases,
    change_outcome,
    copying,
    default_methods,
    facts,
    invoices,
    locking,
    settlement,
    standing,
    timeline,
    trials,
    wording,
)
from billing.types import (
    Cause,
    Fact,
    InvoiceSnapshot,
    PaymentOutcome,
    SubscriptionSnapshot,
    SubscriptionUpdate,
)
from orgs import base

logger = logging.getLogger(__name__)


class UnknownSubscription(LookupError):
    """The provider told us about a subscription that is not (yet) one of ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Converged:
    """What came of a snapshot. `applied` is False for one that was older than what we have."""

    subscription: Subscription
    applied: bool


def database_now() -> datetime:
    """Return the database's time: the one clock all processes share. Take it *before* a fetch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment


def converge(
    *,
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
    happened: Sequence[Fact] = (),
    along: Sequence[InvoiceSnapshot] = (),
) -> Converged:
    """Apply a provider's subscription to ours, and write down what that changed.

    Args:
        snapshot: the subscription as the provider had it.
        fetched_at: database time at which the fetch *began* (see `database_now`).
        cause: what set this off; kept with every line of the timeline it leads to.
        now: business time.
        happened: one-off facts that came with it.
        along: invoices of it beside its latest one.

    Raises:
        UnknownSubscription: no row of ours belongs to it.
    """
    change = SubscriptionUpdate(snapshot, fetched_at, cause, happened, along)
    done = converge_together(changes=[change], now=now)[0]
    if done is None:
        raise UnknownSubscription(snapshot.external_id)
    return done


def converge_together(
    *, changes: Sequence[SubscriptionUpdate], now: datetime
) -> list[Converged | None]:
    """Apply several snapshots as `converge` does, all or none; None for what is not ours.

    Their rows are found and locked together, which is most of the work for a single one.
    """
    # Whoever calls from within a transaction has it rolled back as a whole, so no savepoint.
    with transaction.atomic(savepoint=False):
        rows = locking.lock([change.snapshot for change in changes])
        pending = timeline.Pending()
        done = [
            _converge(change, row, now, pending) if row else None
            for change, row in zip(changes, rows, strict=True)
        ]
        arrived = [
            arrival
            for change, row in zip(changes, done, strict=True)
            if row
            for arrival in invoices.arrivals_of(row.subscription, change)
        ]
        invoices.converge_invoices(arrivals=arrived, now=now, record=pending.record_event)
        _follow_up(changes, done, now, pending)
    return done


def _converge(
    change: SubscriptionUpdate, row: locking.Locked, now: datetime, pending: timeline.Pending
) -> Converged:
    subscription, snapshot, cause = row.subscription, change.snapshot, change.cause
    news = [
        fact.kind
        for fact in change.happened
        if facts.record_fact(
            provider=snapshot.provider,
            organization=subscription.organization,
            subscription=subscription,
            fact=fact,
            cause=cause,
            record=pending.record_event,
        )
    ]
    applied = _is_newer(subscription, change.fetched_at) and _belongs(subscription, snapshot)
    if applied:
        _apply(row, change, now, pending)
    elif subscription.external_id not in ("", snapshot.external_id):
        _second_at_provider(subscription, snapshot, cause, now)
    if FactKind.TRIAL_ENDING in news:
        trials.announce_end(subscription=subscription, now=now)
    return Converged(subscription, applied)


def _follow_up(
    changes: Sequence[SubscriptionUpdate],
    done: Sequence[Converged | None],
    now: datetime,
    pending: timeline.Pending,
) -> None:
    """Bring checkouts and organizations in line, and write the lines: once for all that changed."""
    applied = [
        (row.subscription, change.cause)
        for change, row in zip(changes, done, strict=True)
        if row and row.applied
    ]
    activation.close_checkouts(subscriptions=[row for row, _ in applied], now=now)
    payers = {row.organization: cause for row, cause in applied if _is_payers(row)}
    standing.refresh_organizations(
        list(payers),
        cause={organization.pk: cause for organization, cause in payers.items()},
        now=now,
        pending=pending,
        known=[row.plan_version for row, _ in applied],
    )


def _is_payers(subscription: Subscription) -> bool:
    return subscription.customer.reference is None


@dataclasses.dataclass(frozen=True, slots=True)
class Concluded:
    """Our row after a write of ours, and the snapshot it reflects."""

    subscription: Subscription
    snapshot: SubscriptionSnapshot

    @property
    def is_live(self) -> bool:
        """Say whether the subscription gives access now."""
        return self.subscription.is_live


def converge_or_refetch(
    *, snapshot: SubscriptionSnapshot, fetched_at: datetime, cause: Cause, now: datetime
) -> Concluded:
    """Apply the answer to a write of ours, or what is newer.

    The answer's fetch counts from before the call; a webhook that was faster has then applied
    something fetched later, possibly *before* the call took effect. So we look once more.

    Raises:
        UnknownSubscription: no row of ours belongs to it.
    """
    done = converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    if not done.applied:
        fetched_at = database_now()
        driver = registry.get_driver(snapshot.provider)
        with contextlib.suppress(DriverError):  # its own webhook brings it
            snapshot = driver.retrieve_subscription(snapshot.external_id)
            done = converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    return Concluded(done.subscription, snapshot)


def _is_newer(subscription: Subscription, fetched_at: datetime) -> bool:
    return subscription.snapshot_at is None or fetched_at >= subscription.snapshot_at


def _belongs(subscription: Subscription, snapshot: SubscriptionSnapshot) -> bool:
    return subscription.external_id in ("", snapshot.external_id)


def _second_at_provider(
    subscription: Subscription, snapshot: SubscriptionSnapshot, cause: Cause, now: datetime
) -> None:
    """A second provider object carries our row's id: if it takes money, somebody must look."""
    if snapshot.status in LIVE_STATUSES:
        cases.open_late_winner(
            subscription=subscription, external_id=snapshot.external_id, cause=cause, now=now
        )


def _apply(
    row: locking.Locked, change: SubscriptionUpdate, now: datetime, pending: timeline.Pending
) -> None:
    subscription, snapshot, cause = row.subscription, change.snapshot, change.cause
    before, values = wording.state_of(subscription), base.values_of(subscription)
    status = _status_to_take(row, snapshot, cause, now)
    subscription.snapshot_at = change.fetched_at
    if status is None:
        subscription.external_id = snapshot.external_id
        subscription.save(update_fields=["snapshot_at", "external_id", "updated_at"])
        return
    named_before = default_methods.named_by(subscription)
    copying.copy_fields(subscription, snapshot, status, now=now)
    copying.copy_price(row, snapshot)
    copying.copy_pending(row, snapshot)
    is_first_time = status in LIVE_STATUSES and subscription.activated_at is None
    if is_first_time:
        subscription.activated_at = now
        activation.replace_free_plans(
            row.free, by=subscription, cause=cause, now=now, record=pending.record_event
        )
    base.save_changes(subscription, since=values)
    trials.note_trial(subscription=subscription, snapshot=snapshot, now=now)
    _settle(row, snapshot, now)
    for line in wording.lines(before, subscription, now=now):
        pending.record_event(organization=subscription.organization, line=line, cause=cause)
    if default_methods.named_by(subscription) != named_before:
        default_methods.follow_subscription(
            subscription=subscription, cause=cause, now=now, record=pending.record_event
        )
    if is_first_time:
        activation.announce(subscription=subscription, discount=before.discount, now=now)


def _status_to_take(
    row: locking.Locked, snapshot: SubscriptionSnapshot, cause: Cause, now: datetime
) -> SubscriptionStatus | None:
    """Return the provider's status, or None when ours must not follow it."""
    subscription = row.subscription
    old = SubscriptionStatus(subscription.status)
    if not transitions.may_become(old, snapshot.status):
        if snapshot.status in LIVE_STATUSES:
            # We gave it up, and it was paid after all.
            cases.open_late_winner(
                subscription=subscription, external_id=snapshot.external_id, cause=cause, now=now
            )
        return None
    if snapshot.status in LIVE_STATUSES and old not in LIVE_STATUSES and row.has_rival:
        cases.open_late_winner(
            subscription=subscription, external_id=snapshot.external_id, cause=cause, now=now
        )
        return None
    return snapshot.status


def _settle(row: locking.Locked, snapshot: SubscriptionSnapshot, now: datetime) -> None:
    outcome = snapshot.latest_payment
    if snapshot.status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING):
        external_id = outcome.external_id if outcome else ""
        outcome = PaymentOutcome(AttemptState.SUCCEEDED, external_id=external_id)
    settlement.agree_amount(start=row.start, invoice=snapshot.latest_invoice)
    if outcome is not None:
        settlement.apply_outcome(start=row.start, outcome=outcome, now=now)
    change_outcome.settle_others(row, snapshot, now=now)
    if snapshot.status in FINAL_STATUSES:
        settlement.void_obligations(subscription=row.subscription, now=now)
