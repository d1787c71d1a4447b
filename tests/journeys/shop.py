"""A shop over real processes: its counters, each with a reader and a till, and who stands there.

What is asserted is what the providers' own books say (`Counter.books`), not our words alone.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from billing.services import resolve
from config import processes
from orgs import clock
from terminals.services import ending, late_sales, sweeping
from tests.journeys.sample_till import POS, pos
from tests.stack import Stack

WITHIN_S = 15.0
_numbers = itertools.count(1)
Json = dict[str, Any]


class Sale(NamedTuple):
    """One approved sale as its provider has it, in minor units."""

    captured: int = 0
    returned: int = 0
    held: int = 0


class Counter(ABC):
    """One reader, seen from both sides of the counter. `mark` begins a new page in the books."""

    provider: str
    reader: str

    def __init__(self, stack: Stack, key: str, directory: Path) -> None:
        self.stack, self.key, self.directory = stack, key, directory
        self.journal = directory / "journal"
        self.http = self._client("")
        self._of_tills = self._client("payments/terminal/")
        body = {"provider": self.provider, "external_id": self.reader}
        made = self.http.post("terminals", json=body)
        assert made.status_code == 201, made.text
        self.terminal = made.json()["id"]
        self.mark()

    def _client(self, path: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.stack.base_url}/api/v1/{path}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=40,
            trust_env=False,
        )

    def close(self) -> None:
        """Go home."""
        self.http.close()
        self._of_tills.close()

    # --- The till ---------------------------------------------------------------------------------

    def till(self, *, patience_s: float = WITHIN_S) -> Any:
        """Return a till of this counter; it never rests for long."""
        return pos.Till(
            self._of_tills,
            self.terminal,
            self.journal,
            wait_s=2,
            patience_s=patience_s,
            rest=lambda seconds: time.sleep(min(seconds, 0.2)),
        )

    @contextmanager
    def paying(self, basket: str, amount: int, **more: Any) -> Iterator["Future[Json]"]:
        """Have a till take a payment while the body of the block goes on."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.till().pay, basket, amount, **more)

    @contextmanager
    def asking(self, basket: str, amount: int) -> Iterator["Future[Json]"]:
        """Do the same, from when the reader asks for the card."""
        with self.paying(basket, amount) as paying:
            self.wait_until(self.is_asking, "The reader asking")
            yield paying

    def find(self, basket: str) -> Json:
        """Return the payment of a basket once it was opened."""
        seen: list[Json] = []

        def is_there() -> bool:
            answer = self.http.get("payments/terminal", params={"reference": basket})
            seen.extend(answer.json()["data"][:1])
            return bool(seen)

        self.wait_until(is_there, f"The payment of {basket}")
        return seen[-1]

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so, or tell what the processes say."""
        try:
            processes.wait_until(condition, what=what, seconds=WITHIN_S)
        except processes.NotReadyError as error:
            raise AssertionError(f"{error}\n{self.stack.logs()}") from error

    def wait_for_trouble(self, basket: str, code: str) -> None:
        """Wait until a till hears why no reader was started for its basket."""
        self.wait_until(
            lambda: (self.find(basket)["not_started"] or {}).get("code") == code,
            "The till hearing of it",
        )

    def run_pos(self, base_url: str, *words: str) -> "subprocess.Popen[str]":
        """Start the sample till as a program of its own."""
        options = ("--url", base_url, "--terminal", self.terminal, "--journal", str(self.journal))
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(POS), *options, *words],
            env={**os.environ, "TILL_KEY": self.key, "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def is_free(self) -> bool:
        """Say whether no payment holds the reader, as far as we say."""
        shown = self.http.get(f"terminals/{self.terminal}").json()
        return not (shown["open_payment"] or {}).get("holds_terminal", False)

    # --- The reader -------------------------------------------------------------------------------

    @abstractmethod
    def expect(self, deed: str, **how: Any) -> None:
        """Say what everybody does at the reader from now on; see the names in `_DEEDS`."""

    @abstractmethod
    def is_asking(self) -> bool:
        """Say whether the reader asks for a card."""

    @abstractmethod
    def hold_card(self) -> None:
        """Hold a good card to the reader that asks for one."""

    @abstractmethod
    def slow_down(self, seconds: int) -> None:
        """Have the card's issuer take so long."""

    @abstractmethod
    def plug(self, *, is_plugged: bool) -> None:
        """Pull the plug of the reader, or put it in again."""

    @abstractmethod
    def occupy(self) -> Callable[[], None]:
        """Let something that is not ours have the reader; return how that ends."""

    @abstractmethod
    def settle(self) -> None:
        """Let the day end at the provider, and do what waited for it."""

    @abstractmethod
    def mark(self) -> None:
        """Forget the books so far."""

    @abstractmethod
    def books(self) -> list[Sale]:
        """Return the sales since then of which something is or was taken or held."""

    def calm(self) -> None:
        """Let everything be as on a quiet morning, with a new journal."""
        self.journal = self.directory / f"journal-{next(_numbers)}"
        self.plug(is_plugged=True)
        self.slow_down(0)
        self.expect("nobody")
        self.mark()


def net(books: list[Sale]) -> list[int]:
    """Return what is kept or held of each sale, where anything is."""
    kept = [sale.captured - sale.returned + sale.held for sale in books]
    return [amount for amount in kept if amount]


def basket() -> tuple[str, int]:
    """Return the name and the amount of a basket that nobody else has.

    Whole dollars: both providers have test amounts that are declined by their cents.
    """
    number = next(_numbers)
    return f"basket-{number}", 1000 + 100 * number


def ended(told: str) -> list[tuple[str, str]]:
    """Return the baskets that a sample till told of, line by line, and how each ended."""
    rows = [json.loads(line) for line in told.splitlines()]
    return [(row["basket"], row["status"]) for row in rows]


def later(seconds: float) -> None:
    """Do what the sweeps do once so much time has passed."""
    now = clock.now() + timedelta(seconds=seconds)
    resolve.resolve_due(now=now)
    sweeping.queue_waiting(now=now)
    ending.finish_due(now=now)
    late_sales.void_due(now=now)
