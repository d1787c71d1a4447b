"""The counters of the shop, at both providers: what happens at their readers, and their books."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from billing.drivers.cardconnect import polling
from orgs import clock
from tests.journeys.shop import Counter, Json, Sale
from tests.simulators.cardpointe.merchants import API_KEY
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.cardpointe.terminals.sessions import LASTS_S


class StripeCounter(Counter):
    """A reader that is told, and reports by events."""

    provider, reader = "stripe", "tmr_simulated"
    _DEEDS = {
        "approve": "tap",
        "decline": "decline",
        "cancel": "cancel",
        "unplug_before": "unplug",
        "unplug_after": "tap_unplug",
    }

    def expect(self, deed: str, **how: Any) -> None:
        cardholder = {"does": self._DEEDS[deed], **how} if deed != "nobody" else None
        self.stack.simulator.set_reader(self.reader, cardholder=cardholder)

    def is_asking(self) -> bool:
        rows = self.stack.simulator.objects("terminal.reader")
        action = next(row["action"] for row in rows if row["id"] == self.reader)
        return action is not None and action["status"] == "in_progress"

    def hold_card(self) -> None:
        self.stack.simulator.at_reader(self.reader)

    def slow_down(self, seconds: int) -> None:
        self.stack.simulator.set_reader(self.reader, authorizes_s=seconds)

    def plug(self, *, is_plugged: bool) -> None:
        self.stack.simulator.set_reader(self.reader, online=is_plugged)

    def occupy(self) -> Callable[[], None]:
        self.stack.simulator.set_reader(self.reader, busy=True)

        def leave() -> None:
            self.stack.simulator.set_reader(self.reader, busy=False)

        return leave

    def settle(self) -> None:
        pass  # nothing waits for it

    def mark(self) -> None:
        self._known = {row["id"] for row in self.stack.simulator.objects("charge")}

    def books(self) -> list[Sale]:
        charges = self.stack.simulator.objects("charge")
        return [_of_charge(row) for row in charges if row["id"] not in self._known and row["paid"]]


def _of_charge(row: Json) -> Sale:
    if not row["captured"]:
        return Sale(held=row["amount"] - row["amount_refunded"])
    return Sale(row["amount_captured"], max(0, row["amount_refunded"] - _released(row)))


def _released(row: Json) -> int:
    """What a capture in part has let go: Stripe shows it as given back."""
    return int(row["amount"] - row["amount_captured"])


class CardPointeCounter(Counter):
    """A reader whose answer a worker waits for."""

    provider, reader = "cardconnect", HSN
    _DEEDS = {
        "approve": {"outcome": "approve"},
        "decline": {"outcome": "decline", "code": "05"},
        "cancel": {"outcome": "cancel_at_terminal"},
        "unplug_before": {"outcome": "unplug_before_auth"},
        "unplug_after": {"outcome": "unplug_after_auth"},
    }

    def expect(self, deed: str, **how: Any) -> None:
        self.stack.cardpointe.script(self.reader, default=True, **self._DEEDS.get(deed, {}), **how)

    def is_asking(self) -> bool:
        return bool(self.stack.cardpointe.reader(self.reader)["state"] == "waiting")

    def hold_card(self) -> None:
        assert self.stack.cardpointe.act(self.reader, present="contactless")

    def slow_down(self, seconds: int) -> None:
        self.stack.cardpointe.settings(terminal_auth_s=seconds)

    def plug(self, *, is_plugged: bool) -> None:
        self.stack.cardpointe.plug(self.reader, is_plugged=is_plugged)

    def occupy(self) -> Callable[[], None]:
        session = self.stack.cardpointe.connect_reader(self.reader, api_key=API_KEY)

        def leave() -> None:
            self.stack.cardpointe.terminal("disconnect", hsn=self.reader, session=session)

        return leave

    def settle(self) -> None:
        self.stack.cardpointe.close_batches()
        polling.send_queued_refunds(now=clock.now() + timedelta(hours=2))

    def outlast_session(self) -> None:
        """Let so much time pass at the service that every session is over."""
        self.stack.cardpointe.advance(LASTS_S + 1)

    def mark(self) -> None:
        self._known = {row["retref"] for row in self.stack.cardpointe.transactions(kind="auth")}

    def books(self) -> list[Sale]:
        rows = self.stack.cardpointe.transactions(kind="auth")
        new = [row for row in rows if row["retref"] not in self._known]
        return [_of_transaction(row) for row in new if row["respstat"] == "A"]


def _of_transaction(row: Json) -> Sale:
    if row["setlstat"] == "Authorized":
        return Sale(held=row["amount"])
    returned = row["captured"] if row["setlstat"] == "Voided" else row["refunded"]
    return Sale(row["captured"], returned)
