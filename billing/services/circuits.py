"""The breaker of each provider account: while it does not answer, nothing of ours runs out.

The rows are shared by all workers. After some failures in a row the circuit opens; from then on
only a probe now and then goes through, and the first answer closes it. An outage counts from its
first failure. It is over, too, when nothing was tried for a while: nobody would ever close it.
"""

import dataclasses
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from billing.engine.models import Circuit, EngineSubscription, Outage
from billing.enums import SubscriptionStatus
from billing.models import Subscription
from orgs.base import insert_once
from orgs.selectors import parse_uuid

FAILURES_TO_OPEN = 5
PROBE_EVERY = timedelta(minutes=5)
# Without a probe in this time nothing was due, and the outage is taken for over.
QUIET = timedelta(minutes=30)
# Grace is extended ahead of time, so that it never ends between two looks.
_AHEAD = timedelta(minutes=15)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """A provider account: the platform's own, or one of a seller."""

    provider: str
    seller_id: UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Gate:
    """Whether an account may be called: always, or (`is_open`) by this caller as a probe."""

    is_open: bool
    may_call: bool
    probe_at: datetime | None = None


def look(account: Account, *, now: datetime) -> Gate:
    """Say whether an account may be called now; of all who ask while it is open, one may probe."""
    row = _rows(account).first()
    if row is None or row.opened_at is None:
        return Gate(is_open=False, may_call=True)
    claimed = _rows(account).filter(opened_at__isnull=False, probe_at__lte=now)
    if claimed.update(probe_at=now + PROBE_EVERY, updated_at=now):
        return Gate(is_open=True, may_call=True, probe_at=now + PROBE_EVERY)
    return Gate(is_open=True, may_call=False, probe_at=row.probe_at)


def is_open(account: Account) -> bool:
    """Say whether an account is taken for failing."""
    return _rows(account).exclude(opened_at=None).exists()


def note_failure(account: Account, *, now: datetime) -> None:
    """Count a call that had no answer, or was not processed through no fault of the card."""
    with transaction.atomic():
        row = _locked(account)
        row.failures += 1
        row.failing_since = row.failing_since or now
        if row.failures >= FAILURES_TO_OPEN:
            _open(row, now)
        row.save()


def note_answer(account: Account, *, now: datetime) -> None:
    """Note that an account answers (a decline is an answer); this ends an outage."""
    if not _rows(account).filter(failures__gt=0).exists():
        return
    with transaction.atomic():
        row = _locked(account)
        _close(row, now, failures=0)


def watch(*, now: datetime) -> int:
    """Extend grace while circuits are open, and end outages nobody probes; say how many are open.

    Called by each run, before grace is judged.
    """
    circuits = list(Circuit.objects.exclude(opened_at=None).select_related("seller"))
    for row in circuits:
        if row.probe_at is not None and row.probe_at + QUIET <= now:
            with transaction.atomic():
                locked = Circuit.objects.select_for_update().get(pk=row.pk)
                _close(locked, now, failures=FAILURES_TO_OPEN - 1)
        extend_grace(row, now=now)
    return len(circuits)


def paused(
    account: Account, *, since: datetime, now: datetime, counts_running: bool = True
) -> timedelta:
    """Return how long an account did not answer since a moment.

    Without `counts_running` an outage that is not over yet does not count: who probes goes by the
    time as if it had answered all along.
    """
    outages = Outage.objects.filter(_of(account, "circuit__")).order_by("began_at")
    if not counts_running:
        outages = outages.exclude(ended_at=None)
    spans = [(max(row.began_at, since), min(row.ended_at or now, now)) for row in outages]
    return sum((end - start for start, end in spans if end > start), timedelta())


def extend_grace(circuit: Circuit, *, now: datetime) -> int:
    """Give every overdue payer of an account the time back in which it was failing; say how many.

    Whose grace was over before an outage began gets nothing for it.
    """
    outages = list(circuit.outages.order_by("began_at"))
    theirs = EngineSubscription.objects.filter(
        provider=circuit.provider,
        payer__seller=circuit.seller,
        status=SubscriptionStatus.PAST_DUE,
    ).values_list("our_id", flat=True)
    ids = [id_ for id_ in map(parse_uuid, theirs) if id_ is not None]
    rows = Subscription.objects.filter(
        pk__in=ids, status=SubscriptionStatus.PAST_DUE, past_due_since__isnull=False
    ).select_related("plan_version__plan")
    changed = 0
    for row in rows:
        extension = _extension(row, outages, now + _AHEAD)
        changed += Subscription.objects.filter(
            pk=row.pk, past_due_since=row.past_due_since, grace_extension__lt=extension
        ).update(grace_extension=extension, updated_at=now)
    return changed


def extend_undecided(our_id: str, *, since: datetime, now: datetime) -> bool:
    """Let no grace run out while nobody can say whether the payer has paid; say if it changed."""
    pk = parse_uuid(our_id)
    if pk is None:
        return False
    needed = now + _AHEAD - since
    rows = Subscription.objects.filter(
        pk=pk,
        status=SubscriptionStatus.PAST_DUE,
        past_due_since__lte=since,
        grace_extension__lt=needed,
    )
    return bool(rows.update(grace_extension=needed, updated_at=now))


def _extension(row: Subscription, outages: Iterable[Outage], until: datetime) -> timedelta:
    total, since = timedelta(), row.past_due_since
    if since is None:
        return total
    grace = timedelta(days=row.plan_version.plan.grace_days)
    for outage in outages:
        start, end = max(since, outage.began_at), outage.ended_at or until
        if start >= since + grace + total:
            break
        total += max(end - start, timedelta())
    return total


def _open(row: Circuit, now: datetime) -> None:
    row.probe_at = now + PROBE_EVERY
    if row.opened_at is not None:
        return
    row.opened_at = now
    insert_once(Outage(circuit=row, began_at=row.failing_since or now))
    logger.error("circuit.opened", extra={"circuit": str(row), "failures": row.failures})


def _close(row: Circuit, now: datetime, *, failures: int) -> None:
    was_open = row.opened_at is not None
    row.failures, row.failing_since = failures, None
    row.opened_at = row.probe_at = None
    row.save()
    if was_open:
        row.outages.filter(ended_at=None).update(ended_at=now, updated_at=now)
        logger.warning("circuit.closed", extra={"circuit": str(row)})
        extend_grace(row, now=now)


def _locked(account: Account) -> Circuit:
    insert_once(Circuit(provider=account.provider, seller_id=account.seller_id))
    rows = _rows(account).select_related("seller").select_for_update(of=("self",))
    return rows.get()


def _rows(account: Account) -> QuerySet[Circuit]:
    return Circuit.objects.filter(_of(account))


def _of(account: Account, prefix: str = "") -> Q:
    provider, seller = f"{prefix}provider", f"{prefix}seller"
    if account.seller_id is None:
        return Q(**{provider: account.provider, f"{seller}__isnull": True})
    return Q(**{provider: account.provider, seller: account.seller_id})
