"""A shop with one reader, at either provider, empty and on a virtual clock; and the books there."""

import dataclasses
import json
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from unittest import mock

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from billing.drivers.cardconnect import connections
from billing.drivers.stripe.snapshots import PAYMENT_KEY
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.services import inbox
from billing.types import VerifiedWebhook
from config.celery import app
from orgs.models import Organization
from orgs.permissions import Scope
from terminals.models import Terminal, TerminalPayment
from terminals.services import registering
from tests.factories import make_api_key
from tests.journeys.counter import books
from tests.journeys.counter.books import Sale
from tests.journeys.crashes.at_stripe import StripeStage
from tests.journeys.crashes.stage import HOURLY, Stage, run_sql
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import API_KEY
from tests.simulators.stripe.client import StripeSimulator

# What waits for a person at a reader; the thread that asked is there until the clock is turned.
_TAPS: dict[str, Any] = {"does": "tap", "wait": 3}
_WAITING = ("authCard", "tip")


@dataclasses.dataclass(slots=True)
class Job:
    """A message to a worker that was not taken yet."""

    name: str
    given: dict[str, Any]
    due: datetime


class CounterStage(Stage):
    """What both kinds of shop have."""

    provider: Provider
    # What has questions go unanswered.
    deafness: ClassVar[dict[str, Any]]
    reader = ""
    organization: Organization
    terminal: Terminal
    key: str

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Live in this world's time, and keep what is sent to workers."""
        self.jobs: list[Job] = []
        self.at_reader: set[int] = set()
        with super().set_up(), ExitStack() as stack:
            stack.enter_context(mock.patch.object(app, "send_task", self._send_task))
            for signal in (request_started, request_finished):
                signal.disconnect(close_old_connections)
                stack.callback(signal.connect, close_old_connections)
            self.furnish(stack)
            yield

    def furnish(self, stack: ExitStack) -> None:
        """Do what only has to be done once."""

    def open(self, seed: int) -> None:
        """Forget the last run, and have a shop with a reader and a till's key."""
        self.clear()
        self.jobs.clear()
        self.make_reader(seed)
        self.organization = Organization.objects.create(
            name="Bistro", slug=f"bistro-{seed}", email="pay@bistro.example"
        )
        self.key = make_api_key(self.organization, Scope.TERMINALS_WRITE, name="Till 1")[1]
        self.terminal = registering.register_terminal(
            organization=self.organization,
            provider=self.provider,
            external_id=self.reader,
            label="Counter",
            now=self.now,
        )

    def _send_task(
        self, name: str, kwargs: dict[str, Any] | None = None, countdown: float = 0, **_more: Any
    ) -> None:
        self.jobs.append(Job(name, kwargs or {}, self.now + timedelta(seconds=countdown)))

    @abstractmethod
    def make_reader(self, seed: int) -> None:
        """Have a reader at the provider."""

    @abstractmethod
    def expect(self, act: dict[str, Any]) -> None:
        """Have one more cardholder, who comes after the others."""

    @abstractmethod
    def books(self) -> list[Sale]:
        """Ask the provider what it took, held and gave back."""

    def next_day(self) -> None:
        """Let a day pass on which what had to wait for the settlement is sent."""

    @abstractmethod
    def plug_in(self) -> None:
        """Connect the reader again."""

    def let_people_act(self) -> None:
        """Let whoever stands at the reader do what they do by themselves now."""

    def listen(self, fate: str) -> None:
        """Hear what the provider tells by itself."""


class AtCardConnect(CounterStage):
    """A reader that a worker waits for."""

    provider = Provider.CARDCONNECT
    deafness: ClassVar[dict[str, Any]] = {"kind": "inquiry_down", "times": -1}

    def furnish(self, stack: ExitStack) -> None:
        """Give the account a key for readers, and know who waits at one."""
        account = MerchantAccount.objects.get()
        known = json.loads(account.credentials)
        account.credentials = json.dumps({**known, "terminal_api_key": API_KEY})
        account.save()
        self.keep_gateway_in_time(stack, connections, "exchange")
        exchange: Any = connections.exchange

        def noted(purpose: str, method: str, url: str, **more: Any) -> Any:
            me = threading.get_ident()
            if url.endswith(_WAITING):
                self.at_reader.add(me)
            try:
                return exchange(purpose, method, url, **more)
            finally:
                self.at_reader.discard(me)

        stack.enter_context(mock.patch.object(connections, "exchange", noted))

    def make_reader(self, seed: int) -> None:
        """Have a reader of another name each time: what Redis knows of the last one is over."""
        self.reader = f"RUN{seed}"
        self.gateway.put_reader(self.reader)
        self.gateway.script(self.reader, "approve", default=True, wait=3)

    def expect(self, act: dict[str, Any]) -> None:
        """Have them act by script."""
        self.gateway.script(self.reader, **act)

    def next_day(self) -> None:
        """Have batches closed, so that what is refunded in part can be."""
        self.move(timedelta(hours=1))
        self.gateway.close_batches()
        self.move(timedelta(hours=14))
        self.work(*HOURLY)

    def plug_in(self) -> None:
        """Plug it in again."""
        self.gateway.plug(self.reader)

    def is_waiting(self) -> bool:
        """Say whether the reader waits for a person or for time to pass."""
        return str(self.gateway.reader(self.reader)["state"]) != "idle"

    def books(self) -> list[Sale]:
        """Ask the gateway."""
        rows = TerminalPayment.objects.filter(obligation__attempts__isnull=False)
        baskets = dict(rows.values_list("obligation__attempts__our_reference", "reference"))
        return [
            books.at_gateway(row, baskets.get(row["orderid"], ""))
            for row in self.gateway.transactions(kind="auth")
        ]


class AtStripe(CounterStage, StripeStage):
    """A reader that is told, and reports by events."""

    provider = Provider.STRIPE
    deafness: ClassVar[dict[str, Any]] = {
        "method": "GET",
        "path": "^/v1/",
        "times": -1,
        "status": 503,
    }
    reader = "tmr_simulated"

    def __init__(self, stripe: StripeSimulator) -> None:
        super().__init__(stripe)
        self._acts: list[dict[str, Any]] = []
        self._acting: tuple[str, datetime, dict[str, Any]] | None = None
        self._heard = 0
        self._late: list[dict[str, Any]] = []

    def clear(self) -> None:
        """Forget everything, there as well."""
        self.stripe.reset()
        self.now = datetime.fromtimestamp(self.stripe.stop_clock(), UTC)
        self._behind_s = 0
        self._acts.clear()
        self._late.clear()
        self._acting, self._heard = None, 0
        run_sql(self.forgetting())

    def make_reader(self, seed: int) -> None:
        """Take the one that a fresh account has."""

    def expect(self, act: dict[str, Any]) -> None:
        """Keep what they will do: `does`, after so many seconds."""
        self._acts.append(act)

    def plug_in(self) -> None:
        """Switch it on again."""
        self.stripe.set_reader(self.reader, online=True)

    def let_people_act(self) -> None:
        """Have the next one act once the reader has asked for so long."""
        reader = next(row for row in self.stripe.objects("terminal.reader"))
        action = reader["action"]
        if action is None or action["status"] != "in_progress" or reader["status"] != "online":
            return
        asked = json.dumps(action["process_payment_intent"])
        if self._acting is None or self._acting[0] != asked:
            act = self._acts.pop(0) if self._acts else _TAPS
            self._acting = asked, self.now + timedelta(seconds=act["wait"]), act
        _, due, act = self._acting
        if self.now >= due and act["does"] != "nothing":
            self._acting = None
            how = {"tip": act["tip"]} if act.get("tip") else {}
            self.stripe.at_reader(self.reader, act["does"], **how)

    def listen(self, fate: str) -> None:
        """Get its events: in time, twice, late, or never."""
        news = self.stripe.events(since=self._heard)
        self._heard += len(news)
        told = {"lost": [], "twice": news * 2, "late": self._late}.get(fate, news)
        self._late = news
        for event in told:
            inbox.receive_event(
                provider=Provider.STRIPE,
                account=None,
                webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
                trace_id="",
            )

    def books(self) -> list[Sale]:
        """Ask Stripe."""
        rows = TerminalPayment.objects.values_list("pk", "reference")
        baskets = {str(pk): reference for pk, reference in rows}
        charges = self.stripe.objects("charge")
        return [
            books.at_stripe(intent, charges, baskets.get(intent["metadata"].get(PAYMENT_KEY), ""))
            for intent in self.stripe.objects("payment_intent")
        ]


def at(gateway: CardPointeSimulator | StripeSimulator) -> CounterStage:
    """Return the shop at a provider's simulator."""
    return AtStripe(gateway) if isinstance(gateway, StripeSimulator) else AtCardConnect(gateway)
