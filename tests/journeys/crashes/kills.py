"""A real Celery worker, killed again and again while it renews: `kill -9`, at random moments.

Twelve tenants have not been looked at for two years: each has 24 renewals to catch up. The worker's
pool process is killed (every tenth time the whole worker), what it left is made to look
as old as it would be once its leases have run out, and the next one goes on.
"""

import contextlib
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.journeys import workplace

if TYPE_CHECKING:
    from config.processes import Child
    from tests.journeys.crashes.stage import Stage

TENANTS, LONG_AGO = 12, timedelta(days=731)
PERIODS = 25
_LEAP = timedelta(minutes=6)
_LONGEST_S = 0.8
_WHOLE_WORKER_EVERY = 10
_ANSWERS_WITHIN_S = 90.0


def main(times: int) -> None:
    """Kill so many times, and say in a line of JSON what came of it."""
    workplace.move_in("crashkills")
    logging.disable(logging.CRITICAL)

    from tests.journeys.crashes.stage import Stage  # noqa: PLC0415 - needs Django
    from tests.simulators.cardpointe.client import CardPointeSimulator  # noqa: PLC0415 - same

    with (
        CardPointeSimulator.start() as gateway,
        tempfile.TemporaryDirectory() as directory,
    ):
        gateway.settings(rate_limit=0, close_hour=None)
        stage = Stage(gateway)
        _sell_long_ago(stage)
        found = _Killing(stage, Path(directory)).run(times)
    sys.stdout.write(json.dumps(found) + "\n")


def _sell_long_ago(stage: "Stage") -> None:
    from django.utils import timezone  # noqa: PLC0415 - needs Django

    from tests.journeys.crashes.tenants import Tenant  # noqa: PLC0415 - same

    stage.now = timezone.now() - LONG_AGO
    with stage.set_up():
        for _ in range(TENANTS):
            Tenant(stage).subscribed()


class _Killing:
    """The worker, and who kills it."""

    def __init__(self, stage: "Stage", directory: Path) -> None:
        from config.demo_system import System  # noqa: PLC0415 - needs Django

        self.stage = stage
        self.chance = random.Random(9)  # noqa: S311 - not secrecy
        port = int(stage.gateway.base_url.rpartition(":")[2])
        self.system = System(
            port=1,
            simulator_port=1,
            cardpointe_port=port,
            state_dir=directory,
            database_url=os.environ["DATABASE_URL"],
            redis_url=os.environ["REDIS_URL"],
            webhook_secret="whsec_none",
        )
        self.worker: Child = self.system.worker(concurrency=1)
        self.caught = 0

    def run(self, times: int) -> dict[str, Any]:
        """Kill it, let it finish, and judge."""
        began = time.monotonic()
        self._start()
        try:
            for number in range(times):
                self._kill(whole=number % _WHOLE_WORKER_EVERY == _WHOLE_WORKER_EVERY - 1)
                seconds = time.monotonic() - began
                sys.stderr.write(f"{seconds:5.0f} s: {number + 1} of {times} killed\n")
        finally:
            self.worker.kill()
        return {"kills": times, **self._judge()}

    def _start(self) -> None:
        from config import processes  # noqa: PLC0415 - needs Django

        self.system.forget_worker()
        self.worker.start()
        processes.wait_until(
            self.system.worker_answers, what="The worker", seconds=_ANSWERS_WITHIN_S
        )

    def _kill(self, *, whole: bool) -> None:
        """Have it begin, and end it at some moment."""
        from config.celery import app  # noqa: PLC0415 - needs Django

        pool = _children(self.worker.pid)
        before = self.stage.gateway.calls_so_far()
        app.send_task("billing.resolve_attempts", queue="till")
        app.send_task("billing.run_renewals", queue="till")
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while self.stage.gateway.calls_so_far() == before and time.monotonic() < deadline:
            if not _is_anything_due():
                break
            time.sleep(0.01)
        time.sleep(self.chance.uniform(0, _LONGEST_S))
        if whole:
            self.worker.kill()
        for process in pool:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.3)  # what it had sent arrives
        self.caught += _age()
        if whole:
            self._start()

    def _judge(self) -> dict[str, Any]:
        """Let beat's jobs finish here, and compare."""
        from billing.enums import CaseState  # noqa: PLC0415 - needs Django
        from billing.models import Case, PaymentAttempt  # noqa: PLC0415 - same
        from tests.journeys.crashes import verdict  # noqa: PLC0415 - same
        from tests.journeys.crashes.stage import SWEEPS  # noqa: PLC0415 - same

        with _pointing_at(self.stage):
            for _ in range(40):
                self.stage.work(*SWEEPS)
                if not _age() and not _is_anything_due():
                    break
        faults = verdict.of_money(self.stage.gateway)
        taken = verdict.ask(self.stage.gateway)
        kept = sum(each.kept for each in taken.values())
        owed = TENANTS * PERIODS * 2000
        if kept != owed:
            faults.append(f"{kept} was kept of {owed}")
        return {
            "faults": [f"after kill -9: {fault}" for fault in faults],
            "figures": {
                "caught in the middle": self.caught,
                "charges": len(taken),
                "asked about": PaymentAttempt.objects.filter(asked__gt=0).count(),
                "open cases": Case.objects.filter(state=CaseState.OPEN).count(),
            },
        }


@contextlib.contextmanager
def _pointing_at(stage: "Stage") -> Iterator[None]:
    from django.conf import settings  # noqa: PLC0415 - needs Django

    with (
        mock.patch.object(settings, "CARDCONNECT_API_BASE", stage.gateway.base_url),
        mock.patch.object(settings, "CARDCONNECT_MODE", "test"),
    ):
        yield


def _is_anything_due() -> bool:
    from django.utils import timezone  # noqa: PLC0415 - needs Django

    from billing.engine.models import EngineSubscription  # noqa: PLC0415 - same

    return EngineSubscription.objects.filter(next_action_at__lte=timezone.now()).exists()


def _age() -> int:
    """Make what is under way look as if its lease had run out; say how much that was."""
    from django.db.models import F  # noqa: PLC0415 - needs Django
    from django.utils import timezone  # noqa: PLC0415 - same

    from billing.engine.models import EngineInvoice, EngineSubscription  # noqa: PLC0415 - same
    from billing.engine.models.invoices import UNDECIDED, ChargeState  # noqa: PLC0415 - same
    from billing.enums import LIVE_ATTEMPTS  # noqa: PLC0415 - same
    from billing.models import PaymentAttempt  # noqa: PLC0415 - same

    now = timezone.now()
    claimed = EngineSubscription.objects.filter(claimed_at__isnull=False)
    found = claimed.count()
    claimed.update(claimed_at=F("claimed_at") - _LEAP, next_action_at=now)
    EngineInvoice.objects.filter(charge_state__in=UNDECIDED).update(
        charge_sent_at=F("charge_sent_at") - _LEAP
    )
    EngineSubscription.objects.filter(invoices__charge_state__in=UNDECIDED).update(
        next_action_at=now
    )
    # What provably was not charged is tried again later: it is later now.
    absent = EngineInvoice.objects.filter(charge_state=ChargeState.NOT_PROCESSED)
    absent.filter(next_attempt_at__gt=now).update(next_attempt_at=now)
    waiting = absent.filter(next_attempt_at__lte=now).values("subscription")
    EngineSubscription.objects.filter(pk__in=waiting).update(next_action_at=now)
    PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS).update(
        sent_at=F("sent_at") - _LEAP, created_at=F("created_at") - _LEAP, resolve_after=now
    )
    return found


def _children(process: int) -> list[int]:
    """Return the processes that a process has forked."""
    told = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(each) for each in told.split()]


if __name__ == "__main__":
    main(int(sys.argv[1]))
