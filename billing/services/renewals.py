"""Running the engine's subscriptions: whatever is due is claimed, done once, and taken over.

A claim is a lease in the database (`SKIP LOCKED`), so any number of workers share the work. What a
step led to reaches billing's rows through `projection.converge`, like any provider's truth. A
worker that dies between a step and that leaves its claim behind: the next run takes over for it.
"""

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.drivers import registry
from billing.engine import due, renewing
from billing.engine.driver import EngineDriver
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED
from billing.engine.time_steps import Happened, facts_of
from billing.services import circuits, dunning, projection
from billing.services.circuits import Account, Gate
from billing.services.dunning import Desk
from billing.types import Cause, Fact, SubscriptionSnapshot

BATCH = 50
MOST_PER_RUN = 1000
LEASE = timedelta(minutes=5)
_CLOSED = Gate(is_open=False, may_call=True)
_UNPAID = (Happened.DECLINED, Happened.RETRY_DUE, Happened.OVERDUE)
_CAUSE = Cause("sweep", detail="the billing engine")

logger = logging.getLogger(__name__)


def run_due(*, now: datetime, limit: int = MOST_PER_RUN) -> Counter[str]:
    """Do what is due for the engine's subscriptions, the longest waiting first; say what it was."""
    circuits.watch(now=now)
    ran: Counter[str] = Counter()
    ran["taken_over"] = take_over_lost(now=now)
    left = limit
    while left > 0:
        rows = due.claim_due(now=now, limit=min(BATCH, left), lease=LEASE)
        if not rows:
            break
        left -= len(rows)
        ran.update(_run_safely(row, now) for row in rows)
    return +ran


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
            _converge(row, None, facts, now)
        except Exception:  # one in trouble must not keep the others waiting
            logger.exception("renewal.not_taken_over", extra={"subscription": row.external_id})
        else:
            taken += _free(row)
    return taken


def _run_safely(row: EngineSubscription, now: datetime) -> str:
    try:
        return _run(row, now)
    except Exception:  # its lease runs out, and it is due again
        logger.exception("renewal.failed", extra={"subscription": row.external_id})
        return "failed"


def _run(row: EngineSubscription, now: datetime) -> str:
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
    facts = step.facts
    seen: tuple[datetime, SubscriptionSnapshot] | None = (fetched_at, step.snapshot)
    if step.happened in _UNPAID:
        name = step.external_invoice_id or _unpaid(row)
        if name:
            facts = (*facts, *dunning.deal_with(desk, name, now=now))
        seen = None
    _converge(row, seen, facts, now)
    if desk.gate.is_open and circuits.is_open(desk.account):
        _postpone(row, desk.gate, now)
    _free(row)
    return step.happened.value


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


def _converge(
    row: EngineSubscription,
    seen: tuple[datetime, SubscriptionSnapshot] | None,
    facts: Sequence[Fact],
    now: datetime,
) -> None:
    """Take a step over into billing's rows; without `seen`, or if that is old, it is read anew."""
    if seen is not None:
        fetched_at, snapshot = seen
        if _apply(fetched_at, snapshot, facts, now):
            return
    fetched_at = projection.database_now()
    snapshot = registry.get_driver(row.provider).retrieve_subscription(row.external_id)
    _apply(fetched_at, snapshot, facts, now)


def _apply(
    fetched_at: datetime, snapshot: SubscriptionSnapshot, facts: Sequence[Fact], now: datetime
) -> bool:
    try:
        done = projection.converge(
            snapshot=snapshot, fetched_at=fetched_at, cause=_CAUSE, now=now, happened=facts
        )
    except projection.UnknownSubscription:
        return True  # it is sold to nobody here
    return done.applied


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


def _free(row: EngineSubscription) -> int:
    """Give a claim back, if it is still this one."""
    return EngineSubscription.objects.filter(pk=row.pk, claimed_at=row.claimed_at).update(
        claimed_at=None
    )
