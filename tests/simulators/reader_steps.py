"""A till of a test: a session at a reader, and payments that it waits for in the background."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN

ORDER = "KQWZBTRNLMXCVFGHJD"
CLOVER = "CLOVER01"
TAKEN = [("A", "Queued for Capture")]
CANCELLED = (500, 8, "Command Cancelled")
# What is enough for a call to be let through to its reader.
ENOUGH: dict[str, dict[str, Any]] = {
    "dateTime": {"dateTime": "2026-03-02T10:51:07.165"},
    "readConfirmation": {"prompt": "Agreed?"},
    "readInput": {"prompt": "Number?", "format": "N1,5"},
    "readCard": {"amount": 100},
    "authCard": {"amount": 100, "includeSignature": False},
    "authManual": {"amount": 100, "includeSignature": False},
    "tip": {"amount": 100, "prompt": "Tip?"},
    "printReceipt": {"orderId": "NONE"},
}
# A test that waits longer waits for ever.
_TIMEOUT_S = 20


class Till:
    """Whoever has the session of a reader."""

    def __init__(self, simulator: CardPointeSimulator, hsn: str = HSN, **whose: Any) -> None:
        self.simulator, self.hsn, self.whose = simulator, hsn, whose
        self.session = simulator.connect_reader(hsn, **whose)
        self.pool = ThreadPoolExecutor(max_workers=2)

    def call(self, endpoint: str, body: Json | None = None) -> httpx.Response:
        """Call an endpoint with this session."""
        return self.simulator.terminal(
            endpoint, body, hsn=self.hsn, session=self.session, timeout=_TIMEOUT_S, **self.whose
        )

    def sell(self, amount: Any = 4900, **more: Any) -> httpx.Response:
        """Take a payment, and wait until it ended."""
        body = {"amount": amount, "orderId": ORDER, "includeSignature": False, **more}
        return self.call("authCard", body)

    def start(self, endpoint: str = "authCard", **more: Any) -> "Future[httpx.Response]":
        """Begin what waits for people; return once the reader does."""
        if endpoint == "authCard":
            asked = self.pool.submit(self.sell, **more)
        else:
            asked = self.pool.submit(self.call, endpoint, more)
        self.simulator.await_reader(self.hsn)
        return asked


def error(answer: httpx.Response) -> tuple[int, int, str]:
    """Return HTTP status, errorCode and errorMessage."""
    body = answer.json()
    return answer.status_code, body["errorCode"], body["errorMessage"]


def stored(gateway: CardPointeSimulator, order: str = ORDER) -> list[tuple[str, str]]:
    """Return the transactions of an order: their status letter, and what became of them."""
    return [(txn["respstat"], txn["setlstat"]) for txn in gateway.transactions(orderid=order)]
