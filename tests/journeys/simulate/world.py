"""Where it takes place: two simulated providers and ourselves on one clock, and what beat starts.

The clocks stand still between steps. A step moves all of them to the next moment at which anybody
has something to do, hands us what Stripe has to tell, and runs the jobs that beat runs.
"""

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.conf import settings
from django.db.models import Min

from billing.drivers.cardconnect import voiding
from billing.drivers.stripe import calls
from billing.engine.models import EngineSubscription
from billing.enums import Provider
from billing.services import inbox
from billing.services.reconcile_session import LIMITS, Limits
from billing.types import VerifiedWebhook
from billing.types.differences import Scope
from config.celery import app, beat_schedule
from orgs import clock
from tests.journeys.convergence.base import quietly
from tests.journeys.convergence.feed import Feed
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID
from tests.simulators.stripe.client import StripeSimulator

DAY, WEEK = timedelta(days=1), timedelta(days=7)
_SHORTEST, _A_SECOND = timedelta(minutes=10), timedelta(seconds=1)
# While a provider is down each of its payers is due every quarter of an hour.
_PROBED_EVERY = timedelta(hours=1)
_NOWHERE = "http://127.0.0.1:9"
_ADDRESSES = {
    Provider.STRIPE: ("STRIPE_API_BASE", "STRIPE_API_HOST"),
    Provider.CARDCONNECT: ("CARDCONNECT_API_BASE",),
}
_LISTENING = ("billing.drain_inbox",)
_OURS = ("billing.run_renewals", "billing.end_grace")
# The gateway's reports are caught up with; nothing that is played here comes of them.
_WEEKLY = ("billing.reconcile_recent", "cardconnect.poll_accounts")
_LAST = ("billing.reconcile_all",)
# What bills nobody.
_LEFT_OUT = (
    "billing.drain_mirror",
    "notifications.sweep_messages",
    "orgs.purge_idempotency",
    "config.heartbeat",
)


class World:
    """The clock, the providers, and the jobs."""

    def __init__(
        self, stripe: StripeSimulator, gateway: CardPointeSimulator, begins: datetime
    ) -> None:
        self.stripe, self.gateway = stripe, gateway
        self.now = begins
        self.counts: Counter[str] = Counter()
        self.down: set[Provider] = set()
        gateway.settings(rate_limit=0, noise=False)
        gateway.put_merchant(merchid=FNOR_MID, refunds_unsettled=True)
        for simulator in (stripe, gateway):
            standing_at = datetime.fromtimestamp(simulator.stop_clock(), UTC)
            simulator.advance(int((begins - standing_at).total_seconds()))
        app.loader.import_default_modules()  # the tasks, as a worker finds them
        names = beat_schedule(with_billing=True, billing_queue="till")
        known = (*_LISTENING, *_OURS, *_WEEKLY, *_LAST, *_LEFT_OUT)
        self._daily = [name for name in names if name not in known]
        self._tell_stripe_of_us()
        self._feed = Feed(stripe)
        self._next_day, self._next_week = begins + DAY, begins + WEEK

    @contextlib.contextmanager
    def lived_in(self) -> Iterator[None]:
        """Have our clock be this world's, and nobody woken but by the steps."""
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(clock, "now", self._time))
            stack.enter_context(mock.patch.object(voiding, "PAUSE_S", 0))
            stack.enter_context(mock.patch.object(calls, "_PAUSES_S", (0, 0)))
            stack.enter_context(mock.patch.dict(LIMITS, _unhurried()))
            stack.enter_context(quietly())
            for provider, names in _ADDRESSES.items():
                for name in names:
                    stack.callback(setattr, settings, name, getattr(settings, name))
                self.put(provider, is_down=False)
            yield

    def _time(self, *_organization: object) -> datetime:
        return self.now

    def put(self, provider: Provider, *, is_down: bool) -> None:
        """Let a provider be reached, or let nobody answer at its address."""
        simulator = self.stripe if provider is Provider.STRIPE else self.gateway
        for name in _ADDRESSES[provider]:
            setattr(settings, name, _NOWHERE if is_down else simulator.base_url)
        if is_down:
            self.down.add(provider)
        else:
            self.down.discard(provider)

    def next_step(self, wanted: Sequence[datetime]) -> datetime:
        """Return the next moment: a day from now, when somebody is due, or what is wanted."""
        moments = [self._next_day, *wanted]
        due = EngineSubscription.objects.aggregate(due=Min("next_action_at"))["due"]
        if due is not None and self.down:
            moments.append(max(due, self.now + _PROBED_EVERY))
        elif due is not None:
            moments.append(due if due > self.now else self.now + _SHORTEST)
        return _whole_second_after(max(min(moments), self.now + _A_SECOND))

    def move_to(self, moment: datetime) -> None:
        """Turn all clocks."""
        seconds = int((moment - self.now).total_seconds())
        self.stripe.advance(seconds)
        self.gateway.advance(seconds)
        self.now = moment
        self.counts["steps"] += 1

    def work(self) -> bool:
        """Run what beat runs, as far as it is due; say whether a day was over."""
        is_day = self.now >= self._next_day
        if is_day:
            self.listen()
        if is_day or EngineSubscription.objects.filter(next_action_at__lte=self.now).exists():
            self._run(_OURS)
        if is_day:
            self._next_day = self.now.replace(hour=0, minute=5, second=0, microsecond=0) + DAY
            self._run((*self._daily, *_LISTENING))
        if self.now >= self._next_week and not self.down:
            self._next_week = self.now + WEEK
            self._run(_WEEKLY)
        return is_day

    def listen(self) -> None:
        """Take in what Stripe has to tell."""
        if Provider.STRIPE not in self.down:
            for event in self._feed.news():
                self._receive(event)
        self._run(_LISTENING)

    def compare_everything(self) -> None:
        """Run the nightly comparison, and take in what it notes."""
        self._run((*_LAST, *_LISTENING))

    def _run(self, names: Sequence[str]) -> None:
        for name in names:
            app.tasks[name]()
            self.counts["jobs"] += 1

    def _tell_stripe_of_us(self) -> None:
        """Make the first event, from which on news are read."""
        self.stripe.api("POST", "/v1/customers", {"name": "Nobody"})

    def _receive(self, event: dict[str, Any]) -> None:
        inbox.receive_event(
            provider=Provider.STRIPE,
            account=None,
            webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
            trace_id="",
        )
        self.counts["webhooks"] += 1


def _unhurried() -> dict[Scope, Limits]:
    """Return how comparisons ask, as fast as they can: nobody's payments wait for them here."""
    return {
        scope: dataclasses.replace(limits, per_second=10_000) for scope, limits in LIMITS.items()
    }


def _whole_second_after(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
