"""What was asked of the simulator, call by call."""

from collections import deque

from tests.simulators.cardpointe import Json

_KEPT = 20_000
_HIDDEN = ("cvv2", "cvv", "signature")


class Journal:
    """The latest calls, numbered; `since` lets a reader go on where it stopped."""

    def __init__(self) -> None:
        self.entries: deque[Json] = deque(maxlen=_KEPT)
        self.last = 0

    def open_entry(self, op: str, method: str, path: str, fields: Json, virtual: int) -> Json:
        """Begin an entry; the pipeline fills in the rest."""
        self.last += 1
        entry: Json = {
            "seq": self.last,
            "op": op,
            "method": method,
            "path": path,
            "fields": without_card_data(fields),
            "user": None,
            "fault": None,
            "status": None,
            "respstat": None,
            "respcode": None,
            "retref": None,
            "warnings": [],
            "error": None,
            "virtual_at": virtual,
        }
        self.entries.append(entry)
        return entry

    def since(self, seq: int) -> list[Json]:
        """Return the entries after a number, oldest first."""
        return [entry for entry in self.entries if entry["seq"] > seq]


def without_card_data(fields: Json) -> Json:
    """Return fields as they may be shown: a token, but no card number and no security code."""
    shown = {name: "[hidden]" if name in _HIDDEN else value for name, value in fields.items()}
    account = str(shown.get("account", ""))
    if account and not (len(account) == 16 and account.startswith("9")):
        shown["account"] = f"[number ending in {account[-4:]}]"
    return shown
