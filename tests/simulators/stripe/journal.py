"""What was asked of the simulator, call by call."""

import time

from tests.simulators import journal
from tests.simulators.stripe import Json

_SHOWN_HEADERS = ("stripe-version", "idempotency-key", "stripe-account", "user-agent", "origin")


class Journal(journal.Journal):
    """The latest calls of the API."""

    def open_entry(self, method: str, path: str, headers: dict[str, str], virtual: int) -> Json:
        """Begin an entry; the pipeline fills in the rest."""
        entry: Json = {
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
        return self.add(entry)


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
