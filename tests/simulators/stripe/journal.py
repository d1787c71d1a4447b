"""What was asked of the simulator, call by call."""

import time
from collections import deque

from tests.simulators.stripe import Json

_KEPT = 20_000
_SHOWN_HEADERS = ("stripe-version", "idempotency-key", "stripe-account", "user-agent", "origin")


class Journal:
    """The latest calls, numbered; `since` lets a reader go on where it stopped."""

    def __init__(self) -> None:
        self.entries: deque[Json] = deque(maxlen=_KEPT)
        self.last = 0

    def open_entry(self, method: str, path: str, headers: dict[str, str], virtual: int) -> Json:
        """Begin an entry; the pipeline fills in the rest."""
        self.last += 1
        entry: Json = {
            "seq": self.last,
            "method": method,
            "path": path,
            "params": {},
            "headers": {name: headers[name] for name in _SHOWN_HEADERS if name in headers},
            "key": None,
            "verdict": "pending",
            "status": None,
            "errors": [],
            "ignored": [],
            "at": round(time.time(), 3),
            "virtual_at": virtual,
        }
        self.entries.append(entry)
        return entry

    def since(self, seq: int) -> list[Json]:
        """Return the entries after a number, oldest first."""
        return [entry for entry in self.entries if entry["seq"] > seq]


_SECRET = ("number", "cvc", "card[number]", "card[cvc]")


def without_card_data(params: Json) -> Json:
    """Return parameters as they may be shown: no card number, no security code."""
    shown: Json = {}
    for name, value in params.items():
        if isinstance(value, dict):
            shown[name] = without_card_data(value)
        else:
            shown[name] = "[hidden]" if name in _SECRET else value
    return shown
