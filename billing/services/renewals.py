"""Running the engine's subscriptions: whatever is due is claimed, done once, and taken over.

A claim is a lease in the database (`SKIP LOCKED`), so any number of workers share the work. What a
step led to reaches billing's rows through `projection.converge`, like any provider's truth. A
worker that dies between a step and that leaves its claim behind: the next run takes over for it.
"""

import contextlib
import dataclasses
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from billing.drivers import registry
from billing.engine import due, late_answers, renewing, snapshots
from billing.engine.driver import EngineDriver
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.time_steps import Happened
from billing.services import circuits, crew, dunning, left_behind, projection
from billing.services.circuits import Gate
from billing.services.renewal_desks import Desks
from billing.types import Cause, Fact, InvoiceSnapshot, SubscriptionSnapshot, SubscriptionUpdate

# Few enough for each of them to wait for a gateway that takes its time, and still be ours.
BATCH = 10
LEASE = timedelta(minutes=10)
MOST_PER_RUN = 1000
# Beat starts another run soon: a slow gateway must not make one of them last for hours.
_LONGEST_RUN_S = 300.0
# What was done reaches billing's rows after this at the latest, several at once.
_HELD_BACK_S = 2.0
_UNPAID = (Happened.DECLINED, Happened.RETRY_DUE, Happened.OVERDUE)
_CAUSE = Cause("sweep", detail="the billing engine")

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """A subscription, and the database's time at which reading it began."""

    snapshot: SubscriptionSnapshot
    fetched_at: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class _Done:
    """A claimed subscription, and what is to be taken over of it; most are read together."""

    row: EngineSubscription
    facts: tuple[Fact, ...]
    seen: _Seen | None = None


def run_due(*, now: datetime, limit: int = MOST_PER_RUN) -> Counter[str]:
    """Do what is due for the engine's subscriptions, the longest waiting first; say what it was."""
    circuits.watch(now=now)
    ran: Counter[str] = Counter()
    ran["taken_over"] = take_over_lost(now=now)
    ran["late"] = _ask_about_late_charges(now)
    order = _Order(now, limit)
    first = order.claim()
    # While one waits for its gateway, or for the disk, the others go on with the next claims.
    helpers = settings.RENEWAL_THREADS - 1 if len(first) == BATCH else 0
    with crew.helped(lambda: _work(order, order.claim()), helpers=helpers) as others:
        ran += _work(order, first)
    return +sum(others, ran)


class _Order:
    """How much one run does, at the most and at the longest; shared by its threads."""

    def __init__(self, now: datetime, limit: int) -> None:
        self.now = now
        self._left, self._ends = limit, time.monotonic() + _LONGEST_RUN_S
        self._lock = threading.Lock()

    def claim(self) -> list[EngineSubscription]:
        """Take the next ones that are due for whoever asks; none once enough is done."""
        with self._lock:
            if self._left <= 0 or time.monotonic() >= self._ends:
                return []
            rows = due.claim_due(now=self.now, limit=min(BATCH, self._left), lease=LEASE)
            self._left -= len(rows)
        return rows


def _work(order: _Order, rows: Sequence[EngineSubscription]) -> Counter[str]:
    ran: Counter[str] = Counter()
    while rows:
        _run_batch(rows, ran, order.now)
        rows = order.claim()
    return ran


def _ask_about_late_charges(now: datetime) -> int:
    """Ask about charges that were taken for absent too early; say how many were decided."""
    decided = 0
    for provider in late_answers.providers_due(now=now):
        driver = registry.get_driver(provider)
        rail = driver.rail() if isinstance(driver, EngineDriver) else None
        if rail is not None:
            decided += late_answers.ask_due(rail, provider=provider, now=now)
    return decided


def _run_batch(rows: Sequence[EngineSubscription], ran: Counter[str], now: datetime) -> None:
    held: list[_Done] = []
    since = time.monotonic()
    desks = Desks(rows, now=now)
    for row in rows:
        try:
            word, done = _run(desks, row, now)
        except Exception:  # its lease runs out, and it is due again
            logger.exception("renewal.failed", extra={"subscription": row.external_id})
            ran["failed"] += 1
            continue
        ran[word] += 1
        held.append(done)
        if time.monotonic() - since > _HELD_BACK_S:
            _take_over(held, now)
            held, since = [], time.monotonic()
    _take_over(held, now)


def _take_over(held: Sequence[_Done], now: datetime) -> None:
    """Take steps over into billing's rows, all at once; one in trouble only stops itself."""
    if not held:
        return
    try:
        results = projection.converge_together(changes=_updates(held, now), now=now)
    except Exception:  # whose trouble it is shows one by one
        logger.exception("renewal.not_together", extra={"subscriptions": len(held)})
        _take_over_singly(held, now)
        return
    for done, result in zip(held, results, strict=True):
        if result is not None and not result.applied:  # somebody has seen it later than we
            _converge(done.row, (), now)
    _free(*(done.row for done in held))


def _updates(held: Sequence[_Done], now: datetime) -> list[SubscriptionUpdate]:
    """Return what was done as projections take it; what was not read yet is read at once."""
    fetched_at = projection.database_now()
    unread = [done.row.pk for done in held if done.seen is None]
    found = snapshots.of_rows(unread, now=now) if unread else {}
    seen = [done.seen or _Seen(found[done.row.pk], fetched_at) for done in held]
    return [
        SubscriptionUpdate(as_read.snapshot, as_read.fetched_at, _CAUSE, done.facts)
        for done, as_read in zip(held, seen, strict=True)
    ]


def _take_over_singly(held: Sequence[_Done], now: datetime) -> None:
    for done in held:
        try:
            _converge(done.row, done.facts, now)
        except Exception:  # its claim stays, and the next run takes it over
            logger.exception("renewal.not_taken_over", extra={"subscription": done.row.external_id})
        else:
            _free(done.row)


def take_over_lost(*, now: datetime) -> int:
    """Take over what workers did that died before they could say so; say how many."""
    lost = EngineSubscription.objects.filter(claimed_at__lt=now - LEASE)
    taken = 0
    for row in lost.order_by("claimed_at")[:BATCH]:
        try:
            _catch_up(row, now)
        except Exception:  # one in trouble must not keep the others waiting
            logger.exception("renewal.not_taken_over", extra={"subscription": row.external_id})
        else:
            taken += _free(row)
    return taken


def _run(desks: Desks, row: EngineSubscription, now: datetime) -> tuple[str, _Done]:
    desk, sent_at = desks.of(row), desks.undecided_since(row)
    if row.is_left_over:  # nobody can tell any more once the next step has been done
        _catch_up(row, now)
    house = desk.house if desk.may_charge else dataclasses.replace(desk.house, rail=None)
    move = renewing.move(house, row, now=now)
    desks.note(desk, move, sent_at=sent_at)
    if move.happened is Happened.UNDECIDED:
        circuits.extend_undecided(row.our_id, since=sent_at or now, now=now)
    facts, seen = move.facts, None
    if move.happened in _UNPAID:
        name = move.external_invoice_id or _unpaid(row)
        facts = (*facts, *(dunning.deal_with(desk, name, now=now) if name else ()))
        desks.forget(desk)
        seen = _look(row)
    if desk.gate.is_open and circuits.is_open(desk.account):
        _postpone(row, desk.gate, now)
    return move.happened.value, _Done(row, facts, seen)


def _look(row: EngineSubscription) -> _Seen:
    """Read a subscription once what is undecided of it was asked about."""
    fetched_at = projection.database_now()
    driver = registry.get_driver(row.provider)
    return _Seen(driver.retrieve_subscription(row.external_id), fetched_at)


def _unpaid(row: EngineSubscription) -> str:
    found = EngineInvoice.objects.filter(subscription=row, first_failed_at__isnull=False)
    latest = found.order_by("-last_failed_at", "-issued_at").first()
    return latest.external_id if latest else ""


def _catch_up(row: EngineSubscription, now: datetime) -> None:
    """Take over whatever a worker left behind; what is undecided of it is asked about later."""
    fetched_at = projection.database_now()
    seen = _Seen(snapshots.of_rows([row.pk], now=now)[row.pk], fetched_at)
    along, facts = left_behind.of(row)
    _tell(seen, facts, now, along=along)


def _converge(row: EngineSubscription, facts: Sequence[Fact], now: datetime) -> None:
    """Take a subscription over as it is now."""
    _tell(_look(row), facts, now)


def _tell(
    seen: _Seen, facts: Sequence[Fact], now: datetime, *, along: Sequence[InvoiceSnapshot] = ()
) -> None:
    with contextlib.suppress(projection.UnknownSubscription):  # it is sold to nobody here
        projection.converge(
            snapshot=seen.snapshot,
            fetched_at=seen.fetched_at,
            cause=_CAUSE,
            now=now,
            happened=facts,
            along=along,
        )


def _postpone(row: EngineSubscription, gate: Gate, now: datetime) -> None:
    """Look again when the account may be probed; what is due later anyway stays."""
    later = gate.probe_at or now + circuits.PROBE_EVERY
    EngineSubscription.objects.filter(pk=row.pk, next_action_at__lt=later).update(
        next_action_at=later, updated_at=now
    )
    lease = now + LEASE
    EngineSubscription.objects.filter(pk=row.pk, next_action_at=lease).update(
        next_action_at=later, updated_at=now
    )


def _free(*rows: EngineSubscription) -> int:
    """Give claims back, unless they have run out and are somebody else's; say how many."""
    claims = {row.claimed_at for row in rows}
    return EngineSubscription.objects.filter(
        pk__in=[row.pk for row in rows], claimed_at__in=claims
    ).update(claimed_at=None)
