"""Where a run takes place: our database and a simulated gateway, empty, on one virtual clock."""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

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
_LABELS = ("billing", "engine", "cardconnect", "notifications", "orgs")


class Stage:
    """One at a time in a process."""

    def __init__(self, gateway: CardPointeSimulator) -> None:
        self.gateway = gateway
        self.now = BEGINS
        self._ticks = itertools.count()
        self._emptied = ""

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
            _lay_out()
            self._emptied = _emptying()
            yield

    def clear(self) -> None:
        """Forget the last run: here, and at the gateway."""
        with connection.cursor() as cursor:
            cursor.execute(self._emptied)
        self.now = BEGINS
        self.gateway.reset(now=int(BEGINS.timestamp()))
        self.gateway.stop_clock()
        self.gateway.settings(rate_limit=0)

    def move(self, by: timedelta) -> None:
        """Turn all clocks."""
        self.now += by
        self.gateway.advance(int(by.total_seconds()))

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


def _emptying() -> str:
    """Return the statement that leaves what is there now, and nothing else."""
    tables: list[type[models.Model]] = [
        model for label in _LABELS for model in apps.get_app_config(label).get_models()
    ]
    names = [model._meta.db_table for model in tables if not model._default_manager.exists()]
    # One transaction: which of them refers to which is looked at when it ends.
    return " ".join(f"DELETE FROM {name};" for name in names)  # noqa: S608 - our own tables
