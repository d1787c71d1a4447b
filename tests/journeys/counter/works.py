"""Our processes beside the web: workers that take jobs, one that waits at the reader, and beat."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Q

from billing.models import PaymentAttempt
from config.celery import app
from orgs.errors import DomainError
from terminals import jobs
from tests.journeys.counter.plan import Plan
from tests.journeys.counter.stage import AtCardConnect, CounterStage, Job
from tests.journeys.crashes import seams
from tests.journeys.crashes.stage import ask_sql

# A minute is what the resolver has from when something can be known.
IN_TIME_S = 60
# Every so often beat starts what nobody asked for.
_BEAT_S = 10
_LONGEST_S = 30.0
_PAUSE_S = 0.002
_RESOLVE, _DRAIN = "billing.resolve_attempts", "billing.drain_inbox"
# What a sweep would find: without any it does nothing, and is not run.
_WORK = {
    _DRAIN: "EXISTS (SELECT FROM billing_inboxevent WHERE state IN ('pending', 'failed'))",
    _RESOLVE: "EXISTS (SELECT FROM billing_paymentattempt"
    " WHERE state IN ('created', 'sent', 'unknown'))",
    jobs.SWEEP_PAYMENTS: "EXISTS (SELECT FROM terminals_terminalpayment"
    " WHERE holds_reader OR status NOT IN ('succeeded', 'canceled'))"
    " OR EXISTS (SELECT FROM billing_case WHERE state = 'open')",
}


class Works:
    """Whoever works for us, and how they die."""

    def __init__(self, stage: CounterStage, plan: Plan, complain: Callable[[str], None]) -> None:
        self.stage, self.plan, self._complain = stage, plan, complain
        self.actors: list[seams.Actor] = []
        self.threads: list[threading.Thread] = []
        self._beat_at = stage.now

    # --- Processes --------------------------------------------------------------------------------

    def process(self, name: str) -> seams.Actor:
        """Return a process that begins now, and may be going to die."""
        may_die = len(self.died) < self.plan.most_deaths
        actor = seams.Actor(name, self.plan.death() if may_die else 0)
        self.actors.append(actor)
        return actor

    @property
    def died(self) -> list[str]:
        """Return where processes died."""
        return [actor.died_at for actor in self.actors if actor.died_at]

    def work(self) -> None:
        """Do what is due now: jobs that were sent, then what beat starts."""
        self.wait_for_readers()
        for job in self._due():
            self._take(job)
        if self.stage.now >= self._beat_at:
            self._beat_at = self.stage.now + timedelta(seconds=_BEAT_S)
            self._beat()

    def _due(self) -> list[Job]:
        due = [job for job in self.stage.jobs if job.due <= self.stage.now]
        self.stage.jobs[:] = [job for job in self.stage.jobs if job not in due]
        is_lost = self.plan.loses_jobs and self.plan.chance.random() < 0.5
        return [] if is_lost else due

    def _beat(self) -> None:
        names = list(_WORK)
        found = ask_sql(f"SELECT {', '.join(_WORK.values())}")
        for name, is_needed in zip(names, found, strict=True):
            if is_needed:
                self._take(Job(name, {}, self.stage.now))

    def _take(self, job: Job) -> None:
        if job.name not in app.tasks or job.name.startswith("notifications."):
            return
        actor = self.process(f"worker: {job.name}")
        if job.name == jobs.RUN_SALE and isinstance(self.stage, AtCardConnect):
            thread = threading.Thread(target=self._be, args=(job, actor), daemon=True)
            self.threads.append(thread)
            thread.start()
            self.wait_for_readers()
        else:
            self._do(job, actor)

    def _be(self, job: Job, actor: seams.Actor) -> None:
        try:
            self._do(job, actor)
        finally:
            connections.close_all()

    def _do(self, job: Job, actor: seams.Actor) -> None:
        with seams.acting(actor):
            try:
                app.tasks[job.name](**job.given)
            except DomainError as error:
                self._complain(f"{job.name} ended with {error.code}")
            except Exception as error:  # noqa: BLE001 - whatever else comes out is a fault
                self._complain(f"{job.name} ended with {type(error).__name__}: {error}")

    # --- At the reader ----------------------------------------------------------------------------

    def wait_for_readers(self) -> None:
        """Wait until workers at the reader can do nothing before time passes there."""
        until = time.monotonic() + _LONGEST_S
        while running := [thread for thread in self.threads if thread.is_alive()]:
            if all(self._waits(thread) for thread in running):
                break
            if time.monotonic() > until:
                self._complain("a worker waits for ever")
                self.threads.clear()
                return
            time.sleep(_PAUSE_S)
        self.threads = running

    def _waits(self, thread: threading.Thread) -> bool:
        """Say whether a worker has asked its reader, and that waits for a person or for time."""
        assert isinstance(self.stage, AtCardConnect)
        return thread.ident in self.stage.at_reader and self.stage.is_waiting()


class Watch:
    """When something was not known, from when on it could be, and when it was."""

    def __init__(self, stage: CounterStage) -> None:
        self.stage = stage
        self.deaf_until: datetime | None = None
        self._open: dict[Any, tuple[datetime, PaymentAttempt]] = {}
        self.delays: list[float] = []
        self.slow: list[str] = []

    def look(self) -> None:
        """Notice what is unknown by now, and what is not any more."""
        # One that its reader still asks for is known to be there, whatever became of an answer.
        is_shown = Q(kind="terminal", obligation__terminal_payment__status="unknown")
        unknown = PaymentAttempt.objects.filter(is_shown | Q(kind="capture"), state="unknown")
        rows = {row.pk: row for row in unknown}
        for pk, row in rows.items():
            self._open.setdefault(pk, (self.stage.now, row))
        for pk in [pk for pk in self._open if pk not in rows]:
            since, row = self._open.pop(pk)
            self._resolved(since, row, PaymentAttempt.objects.get(pk=pk))

    def _resolved(self, since: datetime, before: PaymentAttempt, after: PaymentAttempt) -> None:
        could = max(since, self._could_be_known(before, after), self.deaf_until or since)
        delay = max(0.0, (self.stage.now - could).total_seconds())
        self.delays.append(delay)
        if delay > IN_TIME_S:
            self.slow.append(
                f"a {after.kind} that was unknown is {after.state} after {delay:.0f} s"
            )

    def _could_be_known(self, before: PaymentAttempt, after: PaymentAttempt) -> datetime:
        """Found: at any time. Absent: when nothing can arrive any more."""
        names = {after.our_reference, after.external_id}
        found = [
            sale.created
            for sale in self.stage.books()
            if sale.name in names and (sale.is_approved or sale.is_refused)
        ]
        if after.state == "succeeded" or (found and after.kind == "terminal"):
            return max(found, default=before.created_at)
        is_at_reader = isinstance(self.stage, AtCardConnect) and after.kind == "terminal"
        return (before.sent_at or before.created_at) + timedelta(
            seconds=205 if is_at_reader else 90
        )
