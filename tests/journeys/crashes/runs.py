"""One run: something is begun, everything goes wrong, and the machines come up again."""

import copy
import dataclasses
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connections

from billing.drivers.cardconnect.models import GatewayTransaction, TransactionState
from billing.enums import LIVE_ATTEMPTS, AttemptState
from billing.models import PaymentAttempt
from billing.services import retries
from billing.services.resolve import ABSENT_AFTER_S
from orgs.errors import DomainError
from tests.journeys.crashes import at_stripe, needed, seams, verdict
from tests.journeys.crashes.operations import OPERATIONS, Operation
from tests.journeys.crashes.plan import Plan
from tests.journeys.crashes.stage import HOURLY, SWEEPS, Stage
from tests.journeys.crashes.tenants import Act, Tenant
from tests.journeys.crashes.verdict import Told

_WORK_AFTER_S = (5, 10, 10, 15, 15, 15, 20, 20, 20, 30, 30, 30, 30, 60, 60, 70)
_THEN = (timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=20), timedelta(hours=2))
_NEXT_DAY = (timedelta(hours=14), timedelta(hours=2), timedelta(hours=10), timedelta(minutes=20))
_UNSENT = timedelta(seconds=180)
_SOON = timedelta(seconds=60)
_WAITS_S = 0.25
_WORKER = "worker"
_WAITED = ("billing.end_grace", "cardconnect.send_queued_refunds")
_LONGEST_S = 60.0


@dataclasses.dataclass(slots=True)
class Ran:
    """What came of a run."""

    plan: Plan
    passed: list[str]
    died: list[str]
    told: list[Told]
    faults: list[str]
    figures: dict[str, int]

    def __str__(self) -> str:
        """Say what was wrong, and how it came to it."""
        lines = [str(self.plan), f"  died {self.died}", f"  told {[str(t) for t in self.told]}"]
        return "\n".join((*lines, *(f"  FAULT {fault}" for fault in self.faults)))


def measure(stage: Stage) -> dict[str, int]:
    """Return how many seams each operation has when nothing goes wrong."""
    found: dict[str, int] = {}
    for operation in OPERATIONS if stage.keeps_moments else at_stripe.OPERATIONS:
        tenant = ready(stage, operation)
        actor = seams.Actor("measured")
        with seams.acting(actor):
            operation.act(tenant)
        found[operation.name] = len(actor.passed)
    return found


def ready(stage: Stage, operation: Operation) -> Tenant:
    """Return a tenant just before an operation, and nothing else: prepared once, then restored."""
    if not stage.keeps_moments:
        stage.clear()
        payer = at_stripe.StripeTenant(stage)
        operation.prepare(payer)
        return payer
    known = stage.tenants.get(operation.name)
    if known is not None:
        return Tenant.back_in(stage, operation.name, known)
    stage.clear()
    tenant = stage.tenants[operation.name] = Tenant(stage, operation.provider)
    operation.prepare(tenant)
    stage.keep(operation.name)
    return copy.copy(tenant)


class Run:
    """One run, from an empty world to its verdict."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.stage, self.plan = stage, plan
        self.actors: list[seams.Actor] = []
        self.told: list[Told] = []
        self.faults: list[str] = []
        self._threads: list[threading.Thread] = []
        self._deaf_until: datetime | None = None
        self.tenant = ready(stage, plan.operation)

    def play(self) -> Ran:
        """Play it, and judge."""
        plan, trouble = self.plan, self.plan.trouble
        trouble.begin(self.stage)
        if trouble.deaf_for:
            self._deaf_until = self.stage.now + trouble.deaf_for
        actor = seams.Actor("first", plan.dies_at, plan.yields_at, self._meanwhile)
        self._do(plan.operation.act, actor)
        self._join(_LONGEST_S)
        self._come_up_again()
        judge = verdict.judge if self.stage.keeps_moments else at_stripe.judge
        known = judge(self.tenant, plan.operation, self.told, trouble)
        self.faults += known.faults
        return Ran(
            plan,
            [seam for actor in self.actors for seam in actor.passed],
            [actor.died_at for actor in self.actors if actor.died_at],
            self.told,
            self.faults,
            known.figures,
        )

    # --- The first one, and the others ------------------------------------------------------------

    def _do(self, act: Act, actor: seams.Actor) -> None:
        """Let an actor do something, and keep what it was told."""
        self.actors.append(actor)
        told = Told(actor.name, act.__name__)
        with seams.acting(actor):
            try:
                act(self.tenant)
                told.words = "done"
            except DomainError as error:
                told.words = error.code
            except Exception as error:  # noqa: BLE001 - whatever else comes out is a fault
                told.words = f"{type(error).__name__}: {error}"
                self.faults.append(f"{act.__name__} ended with {told.words}")
        if actor.name != _WORKER or told.words != "done":
            self.told.append(told)

    def _meanwhile(self) -> None:
        """Let time pass while the first one stands still, and others do what they do."""
        self._pass(timedelta(seconds=self.plan.stall_s))
        for number, (act, dies_at) in enumerate(self.plan.rivals, 1):
            actor = seams.Actor(f"rival {number}", dies_at)
            thread = threading.Thread(target=self._be, args=(act, actor), daemon=True)
            self._threads.append(thread)
            thread.start()
        # Whoever needs a lock that the first one holds has to wait for it.
        self._join(_WAITS_S)

    def _be(self, act: Act, actor: seams.Actor) -> None:
        try:
            self._do(act, actor)
        finally:
            connections.close_all()

    def _join(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)
        if seconds == _LONGEST_S and any(thread.is_alive() for thread in self._threads):
            self.faults.append("somebody waits for ever")

    # --- Afterwards -------------------------------------------------------------------------------

    def _come_up_again(self) -> None:
        """Run what beat starts until everything is quiet, and on into the next day."""
        deaths, again_at = list(self.plan.worker_deaths), len(_WORK_AFTER_S) // 3
        for number, seconds in enumerate(_WORK_AFTER_S):
            self._pass(timedelta(seconds=seconds))
            if number == again_at and self.plan.asks_again:
                self._do(self.plan.operation.again, seams.Actor("again"))
            if number in (0, again_at) or self._is_anything_left():
                self._work(SWEEPS, deaths.pop() if deaths else 0)
        for by in _THEN:
            self._pass(by)
            self._free_events()
            if self._is_anything_left():
                self._work((*SWEEPS, *_WAITED), 0)
        verdict.click(self.tenant)
        for number, by in enumerate(_NEXT_DAY):
            self._pass(by)
            self._free_events()
            # What was queued until its charge had settled is sent now.
            self._work((*HOURLY, *SWEEPS), 0 if number else self.plan.late_death)

    def _free_events(self) -> None:
        """Free events that the dead had claimed; their leases are over, by our clock."""
        if needed.by_job(self.stage.now)[needed.RECLAIM]:
            retries.reclaim_events(lease_s=0)

    def _is_anything_left(self) -> bool:
        """Say whether the sweeps would find something: most rounds need not be made."""
        return any(needed.by_job(self.stage.now).values())

    def _work(self, names: tuple[str, ...], dies_at: int) -> None:
        actor = seams.Actor(_WORKER, dies_at)
        found = needed.by_job(self.stage.now)
        for name in names:
            if found.get(name, True):
                self._do(_job(name), actor)
                self.actors.pop()
                found = needed.by_job(self.stage.now)
        self.actors.append(actor)
        if not actor.died_at and found["billing.resolve_attempts"]:
            self.faults += self._overdue()

    def _pass(self, by: timedelta) -> None:
        """Let time pass; the network is in order again when its time has come."""
        self.stage.move(by)
        if self._deaf_until is not None and self.stage.now >= self._deaf_until:
            self._deaf_until = None
            self.plan.trouble.end(self.stage)

    def _overdue(self) -> list[str]:
        """Return what is undecided a minute after it could be known."""
        if self._deaf_until is not None:
            return []
        rows = PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS)
        return [
            f"{row.obligation.kind} {row.number} is {row.state} at {self.stage.now:%H:%M:%S}"
            for row in rows.select_related("obligation")
            if self._knowable(row) + _SOON <= self.stage.now
        ]

    def _knowable(self, row: PaymentAttempt) -> datetime:
        if row.state == AttemptState.CREATED or row.sent_at is None:
            return row.created_at + _UNSENT
        known = max(row.sent_at, _left_at(row)) + timedelta(seconds=ABSENT_AFTER_S)
        return known + self.plan.trouble.deaf_for + self._unasked()

    def _unasked(self) -> timedelta:
        """Return for how long nobody may ask: up to a minute after each that had no answer.

        Those are the last question to a provider that was deaf, and those of the dead.
        """
        died = sum("services.resolve" in actor.died_at for actor in self.actors)
        return _SOON * (died + bool(self.plan.trouble.deaf_for))


def _left_at(row: PaymentAttempt) -> datetime:
    """Return when a refund left for the gateway: its process may have stood still before that."""
    found = GatewayTransaction.objects.filter(
        reference=row.our_reference, state=TransactionState.SENT
    )
    left_at: datetime | None = found.values_list("asked_at", flat=True).first()
    return left_at or row.created_at


def _job(name: str) -> Callable[[Tenant], None]:
    def work(tenant: Tenant) -> None:
        tenant.stage.work(name)

    work.__name__ = name
    return work
