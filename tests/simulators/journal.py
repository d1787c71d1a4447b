"""What was asked of a simulator, call by call."""

from collections import deque

from tests.simulators import Json

_KEPT = 20_000


class Journal:
    """The latest calls, numbered; `since` lets a reader go on where it stopped."""

    def __init__(self) -> None:
        self.entries: deque[Json] = deque(maxlen=_KEPT)
        self.last = 0

    def add(self, entry: Json) -> Json:
        """Number an entry and keep it; who answers the call fills in the rest."""
        self.last += 1
        numbered = {"seq": self.last, **entry}
        self.entries.append(numbered)
        return numbered

    def since(self, seq: int) -> list[Json]:
        """Return the entries after a number, oldest first."""
        return [entry for entry in self.entries if entry["seq"] > seq]
