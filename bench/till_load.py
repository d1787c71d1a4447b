"""Tills at work, in a process of their own: run as `python -m bench.till_load`, an order on stdin.

Each till is a thread with a reader of its own, where whoever pays holds a card to it at once. What
is measured is therefore our own time. Bare ones ask the provider's simulator themselves.
"""

import contextlib
import dataclasses
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bench.till_rows import AMOUNT
from tests.journeys.sample_till import pos
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

_TIMEOUT_S = 60.0
_BEGINS_WITHIN_S = 900.0
_CONFLICT = 409


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. `readers` are our ids by the provider's; bare tills need no `key`.

    With `every_s` a till has a customer that often, and not as soon as it is done with the last.
    """

    provider: str
    readers: dict[str, str]
    payments: int
    simulator: str
    key: str = ""
    web_port: int = 0
    waiting_port: int = 0
    every_s: float = 0.0


@dataclasses.dataclass(slots=True)
class Outcome:
    """What it came to; times in milliseconds, one for each payment."""

    seconds: float
    times_ms: list[float]
    busy: int
    failed: int

    @property
    def per_second(self) -> float:
        """Return how many payments were made in a second."""
        return len(self.times_ms) / self.seconds


class _Proxy(httpx.BaseTransport):
    """Sends whoever waits to the server that can wait, as the proxy in front does."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        waits = b"wait=" in request.url.query
        port = self._order.waiting_port if waits else self._order.web_port
        request.url = request.url.copy_with(port=port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class _Tills:
    """All of them, and what came of it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.times: list[float] = []
        self.busy = self.failed = 0
        self._start = threading.Barrier(len(order.readers) + 1, timeout=_BEGINS_WITHIN_S)

    def run(self) -> Outcome:
        """Let all begin at once, and wait for the last."""
        order = self.order
        threads = [
            threading.Thread(target=self._be, args=(reader, at / len(order.readers)), daemon=True)
            for at, reader in enumerate(order.readers)
        ]
        for thread in threads:
            thread.start()
        self._start.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        missing = len(order.readers) * order.payments - len(self.times)
        return Outcome(seconds, self.times, self.busy, self.failed + missing)

    def _be(self, reader: str, begins: float) -> None:
        """Be one till; `begins` is how much of the pause to the next customer is over."""
        order = self.order
        baskets = f"{reader}-{'calm' if order.every_s else ''}"
        till = self._sell(reader) if order.key else _BARE[order.provider](order, reader)
        with till as one:
            one(f"{baskets}first")  # what is only done once
            self._start.wait()
            opened = time.perf_counter()
            for number in range(order.payments):
                comes_at = opened + (begins + number) * order.every_s
                time.sleep(max(0.0, comes_at - time.perf_counter()))
                began = time.perf_counter()
                is_paid = one(f"{baskets}{number}")
                self.times.append(1000 * (time.perf_counter() - began))
                self.failed += not is_paid

    @contextlib.contextmanager
    def _sell(self, reader: str) -> Any:
        """Be the sample till."""
        order = self.order
        with (
            tempfile.TemporaryDirectory() as folder,
            httpx.Client(
                base_url="http://127.0.0.1/api/v1/payments/terminal/",
                headers={"Authorization": f"Bearer {order.key}"},
                transport=_Proxy(order),
                timeout=_TIMEOUT_S,
                event_hooks={"response": [self._look]},
            ) as client,
        ):
            till = pos.Till(client, order.readers[reader], Path(folder), rest=_rest)
            yield lambda basket: till.pay(basket, AMOUNT)["status"] == "succeeded"

    def _look(self, answer: httpx.Response) -> None:
        self.busy += answer.status_code == _CONFLICT and b"TERMINAL_BUSY" in answer.read()


def _rest(seconds: float) -> None:
    time.sleep(min(seconds, 0.2))


@contextlib.contextmanager
def _bare_stripe(order: Order, reader: str) -> Any:
    """Make an intent and send it to the reader: what a program does that forgets everything."""
    simulator = StripeSimulator.at(order.simulator)
    wish = {"amount": AMOUNT, "currency": "usd", "payment_method_types[0]": "card_present"}

    def pay(_basket: str) -> bool:
        intent = simulator.api("POST", "/v1/payment_intents", wish).json()["id"]
        path = f"/v1/terminal/readers/{reader}/process_payment_intent"
        simulator.api("POST", path, {"payment_intent": intent})
        seen = simulator.api("GET", f"/v1/payment_intents/{intent}").json()
        return bool(seen["status"] == "succeeded")

    yield pay
    simulator.http.close()


@contextlib.contextmanager
def _bare_cardconnect(order: Order, reader: str) -> Any:
    """Connect, authorize, disconnect."""
    simulator = CardPointeSimulator.at(order.simulator)

    def pay(basket: str) -> bool:
        session = simulator.connect_reader(reader)
        body = {"amount": AMOUNT, "orderId": basket, "includeSignature": False}
        answer = simulator.terminal("authCard", body, hsn=reader, session=session).json()
        simulator.terminal("disconnect", {}, hsn=reader, session=session)
        return bool(answer.get("respstat") == "A")

    yield pay
    simulator.http.close()


_BARE: dict[str, Callable[[Order, str], Any]] = {
    "stripe": _bare_stripe,
    "cardconnect": _bare_cardconnect,
}


if __name__ == "__main__":
    _outcome = _Tills(Order(**json.loads(sys.stdin.readline()))).run()
    sys.stdout.write(json.dumps(dataclasses.asdict(_outcome)) + "\n")
