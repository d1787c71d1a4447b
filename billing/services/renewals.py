"""Running the engine's subscriptions: whatever is due is claimed, done once, and taken over.

A claim is a lease in the database (`SKIP LOCKED`), so any number of workers share the work. What a
step led to reaches billing's rows through `projection.converge`, like any provider's truth. A
worker that dies between a step and that leaves its claim behind: the next run takes over for it.
"""

import contextlib
import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.drivers import registry
from billing.engine import due, late_answers, renewing
from billing.engine.driver import EngineDriver
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED
from billing.engine.time_steps import Happened, facts_of
from billing.services import circuits, dunning, projection
from billing.services.circuits import Account, Gate
from billing.services.dunning import Desk
from billing.types import Cause, Fact, SubscriptionSnapshot, SubscriptionUpdate

# Few enough for each of them to wait for a gateway that takes its time, and still be ours.
BATCH = 10
LEASE = timedelta(minutes=10)
MOST_PER_RUN = 1000
# Beat starts another run soon: a slow gateway must not make one of them last for hours.
_LONGEST_RUN_S = 300.0
# What was done reaches billing's rows after this at the latest, several at once.
_HELD_BACK_S = 2.0
_CLOSED = Gate(is_open=False, may_call=True)
_UNPAID = (Happened.DECLINED, Happened.RETRY_DUE, Happened.OVERDUE)
_CAUSE = Cause("sweep", detail="the billing engine")

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Done:
    """A claimed subscription, and what is to be taken over of it."""

    row: EngineSubscription
    fetched_at: datetime
    snapshot: SubscriptionSnapshot
    facts: tuple[Fact, ...]

    def as_update(self) -> SubscriptionUpdate:
        """Return it as projections take it."""
        return SubscriptionUpdate(self.snapshot, self.fetched_at, _CAUSE, self.facts)


def run_due(*, now: datetime, limit: int = MOST_PER_RUN) -> Counter[str]:
    """Do what is due for the engine's subscriptions, the longest waiting first; say what it was."""
    circuits.watch(now=now)
    ran: Counter[str] = Counter()
    ran["taken_over"] = take_over_lost(now=now)
    ran["late"] = _ask_about_late_charges(now)
    left, ends = limit, time.monotonic() + _LONGEST_RUN_S
    while left > 0 and time.monotonic() < ends:
        rows = due.claim_due(now=now, limit=min(BATCH, left), lease=LEASE)
        if not rows:
            break
        left -= len(rows)
        _run_batch(rows, ran, now)
    return +ran


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
    for row in rows:
        try:
            word, done = _run(row, now)
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
        results = projection.converge_together(changes=[done.as_update() for done in held], now=now)
    except Exception:  # whose trouble it is shows one by one
        logger.exception("renewal.not_together", extra={"subscriptions": len(held)})
        _take_over_singly(held, now)
        return
    for done, result in zip(held, results, strict=True):
        if result is not None and not result.applied:  # somebody has seen it later than we
            _converge(done.row, (), now)
    _free(*(done.row for done in held))


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
    lost = EngineSubscription.objects.filter(claimed_at__lt=now - LEASE).select_related(
        "latest_invoice__attempt"
    )
    taken = 0
    for row in lost[:BATCH]:
        invoice = row.latest_invoice
        facts = facts_of(invoice) if invoice else ()
        try:
            _converge(row, facts, now)
        except Exception:  # one in trouble must not keep the others waiting
            logger.exception("renewal.not_taken_over", extra={"subscription": row.external_id})
        else:
            taken += _free(row)
    return taken


def _run(row: EngineSubscription, now: datetime) -> tuple[str, _Done]:
    driver = registry.get_driver(row.provider)
    if not isinstance(driver, EngineDriver):
        raise TypeError(f"{row.provider} is no provider of the engine's")
    sent_at = _undecided_since(row)
    desk = _desk(driver, row, now, asks_only=sent_at is not None)
    fetched_at = projection.database_now()
    house = desk.house if desk.may_charge else dataclasses.replace(desk.house, rail=None)
    step = renewing.advance(house, row.external_id, now=now)
    desk.note(step, sent_at=sent_at, now=now)
    if step.happened is Happened.UNDECIDED:
        circuits.extend_undecided(row.our_id, since=sent_at or now, now=now)
    facts, snapshot = step.facts, step.snapshot
    if step.happened in _UNPAID:
        name = step.external_invoice_id or _unpaid(row)
        facts = (*facts, *(dunning.deal_with(desk, name, now=now) if name else ()))
        fetched_at = projection.database_now()
        snapshot = driver.retrieve_subscription(row.external_id)
    if desk.gate.is_open and circuits.is_open(desk.account):
        _postpone(row, desk.gate, now)
    return step.happened.value, _Done(row, fetched_at, snapshot, facts)


def _desk(driver: EngineDriver, row: EngineSubscription, now: datetime, *, asks_only: bool) -> Desk:
    """Return where a subscription is worked at. Asking about a charge is always allowed."""
    house = driver.house()
    account = Account(row.provider, row.payer.seller_id)
    is_always_open = asks_only or house.rail is None
    gate = _CLOSED if is_always_open else circuits.look(account, now=now)
    return Desk(house, account, gate)


def _undecided_since(row: EngineSubscription) -> datetime | None:
    """Return since when the outcome of a charge is not known."""
    rows = EngineInvoice.objects.filter(subscription=row, charge_state__in=UNDECIDED)
    return rows.values_list("charge_sent_at", flat=True).first()


def _unpaid(row: EngineSubscription) -> str:
    found = EngineInvoice.objects.filter(subscription=row, first_failed_at__isnull=False)
    latest = found.order_by("-last_failed_at", "-issued_at").first()
    return latest.external_id if latest else ""


def _converge(row: EngineSubscription, facts: Sequence[Fact], now: datetime) -> None:
    """Take a subscription over as it is now."""
    fetched_at = projection.database_now()
    snapshot = registry.get_driver(row.provider).retrieve_subscription(row.external_id)
    with contextlib.suppress(projection.UnknownSubscription):  # it is sold to nobody here
        projection.converge(
            snapshot=snapshot, fetched_at=fetched_at, cause=_CAUSE, now=now, happened=facts
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
