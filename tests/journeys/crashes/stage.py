"""Where a run takes place: our database and a simulated gateway, empty, on one virtual clock."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

from billing.drivers.cardconnect import transport as gateway_transport
from billing.drivers.cardconnect import voiding
from billing.enums import Provider
from billing.models import MerchantAccount
from config.celery import app
from tests.journeys.convergence.base import quietly
from tests.journeys.crashes import seams
from tests.journeys.months import sell
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, PASSWORD, SITE, USER

# In the past: what is due by the clock of the database is due here as well.
BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SMALL, LARGE = ("small", 2000), ("large", 5000)
# What beat starts every few seconds; the order is chance there, and here too.
SWEEPS = (
    "billing.drain_inbox",
    "billing.resolve_attempts",
    "billing.run_renewals",
    "billing.close_siblings",
)
HOURLY = ("billing.end_grace", "cardconnect.send_queued_refunds", "cardconnect.poll_accounts")
_LABELS = ("billing", "engine", "cardconnect", "terminals", "notifications", "orgs")


class Stage:
    """One at a time in a process."""

    # Whether what leads to an operation is played once, and restored for each run.
    keeps_moments = True

    def __init__(self, gateway: CardPointeSimulator) -> None:
        self.gateway = gateway
        self.now = BEGINS
        self._ticks = itertools.count()
        self._emptied: tuple[str, ...] = ()
        # Who was there at the moments that are kept: the stage only holds them.
        self.tenants: dict[str, Any] = {}
        self._moments: dict[str, tuple[str, datetime]] = {}
        self._copies: list[str] = []
        self._behind_s = 0
        self._catching_up = threading.RLock()

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Lay out what is on sale, and have everybody live in this world's time."""
        with ExitStack() as stack:
            for name, value in (
                ("CARDCONNECT_API_BASE", self.gateway.base_url),
                ("CARDCONNECT_MODE", "test"),
            ):
                stack.enter_context(mock.patch.object(settings, name, value))
            stack.enter_context(mock.patch.object(timezone, "now", self._tick))
            stack.enter_context(mock.patch.object(voiding, "PAUSE_S", 0))
            stack.enter_context(quietly())
            stack.enter_context(seams.watched())
            self.keep_gateway_in_time(stack, gateway_transport, "send")
            _lay_out()
            self._emptied = empty_tables()
            yield
            for table in self._copies:
                run_sql(f"DROP TABLE {table}")

    def clear(self) -> None:
        """Forget the last run: here, and at the gateway."""
        run_sql(self.forgetting())
        self.now, self._behind_s = BEGINS, 0
        self.gateway.reset(now=int(BEGINS.timestamp()))
        self.gateway.stop_clock()
        self.gateway.settings(rate_limit=0)

    def keep(self, name: str) -> None:
        """Remember how everything is now: here, and at the gateway."""
        copies = []
        for table in self._emptied:
            if ask_sql(f"SELECT EXISTS (SELECT FROM {table})")[0]:  # noqa: S608 - our own tables
                copy = f"kept_{len(self._moments)}_{table}"
                run_sql(
                    f"DROP TABLE IF EXISTS {copy}; "  # noqa: S608 - same
                    f"CREATE UNLOGGED TABLE {copy} AS SELECT * FROM {table}"
                )
                self._copies.append(copy)
                copies.append(f"INSERT INTO {table} SELECT * FROM {copy};")  # noqa: S608 - same
        self.gateway.keep_moment(name)
        self._moments[name] = " ".join(copies), self.now

    def go_back(self, name: str) -> None:
        """Let everything be as it was."""
        copied, self.now = self._moments[name]
        self._behind_s = 0
        # One transaction: which of them refers to which is looked at when it ends.
        run_sql(f"{self.forgetting()} {copied}")
        self.gateway.go_back(name)

    def forgetting(self) -> str:
        """Return the statements that empty what was empty before anything was played."""
        return " ".join(f"DELETE FROM {table};" for table in self._emptied)  # noqa: S608 - ours

    def move(self, by: timedelta) -> None:
        """Turn all clocks; the gateway's when it is asked for something."""
        self.now += by
        self._behind_s += int(by.total_seconds())

    def keep_gateway_in_time(self, stack: ExitStack, owner: Any, name: str) -> None:
        """Have whoever asks the gateway through this function, or turns a switch, find our time."""
        for of, what in ((owner, name), (self.gateway, "control")):
            call = self._in_time(getattr(of, what))
            stack.enter_context(mock.patch.object(of, what, call))

    def _in_time(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*given: Any, **more: Any) -> Any:
            with self._catching_up:
                behind, self._behind_s = self._behind_s, 0
                if behind:
                    self.gateway.advance(behind)
            return call(*given, **more)

        return calling

    def move_to(self, moment: datetime) -> None:
        """Turn all clocks to a moment, to the next second of it."""
        seconds = (moment - self.now).total_seconds()
        self.move(timedelta(seconds=max(0, int(seconds) + (seconds % 1 > 0))))

    def work(self, *names: str) -> None:
        """Do what beat starts."""
        for name in names:
            app.tasks[name]()

    def _tick(self) -> datetime:
        """Return the time as rows are stamped with it: no two alike."""
        return self.now + timedelta(microseconds=next(self._ticks) % 1_000_000)


def _lay_out() -> None:
    app.loader.import_default_modules()  # what a worker does first
    for rank, (code, amount) in enumerate((SMALL, LARGE)):
        sell(code, amount, users=1000, rank=rank)
    account = {"site": SITE, "merchid": FNOR_MID, "api_user": USER, "api_pass": PASSWORD}
    MerchantAccount.objects.create(
        organization=None,
        provider=Provider.CARDCONNECT,
        label="Till",
        credentials=json.dumps(account),
    )
    for provider in (Provider.CARDCONNECT, Provider.CUSTOM):
        call_command("push_catalogue", provider=provider, verbosity=0)


def empty_tables() -> tuple[str, ...]:
    """Return the tables that are empty before anything is played."""
    tables: list[type[models.Model]] = [
        model for label in _LABELS for model in apps.get_app_config(label).get_models()
    ]
    return tuple(model._meta.db_table for model in tables if not model._default_manager.exists())


def run_sql(statements: str) -> None:
    """Run statements, past the ORM: these are many."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


def ask_sql(question: str, given: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the row that answers a question."""
    with connection.cursor() as cursor:
        cursor.execute(question, given)
        found: tuple[Any, ...] = cursor.fetchone()
    return found
