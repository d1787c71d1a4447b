"""One command for a reader, with all its work needs."""

from dataclasses import dataclass, field

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.faults import Fault
from tests.simulators.cardpointe.gateway import Gateway
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.terminals import readers
from tests.simulators.cardpointe.terminals.operations import Operation
from tests.simulators.cardpointe.terminals.readers import Device
from tests.simulators.cardpointe.world import World


@dataclass(slots=True)
class Job:
    """What a handler works with."""

    world: World
    gateway: Gateway
    merchant: Merchant
    reader: Json
    given: Json
    session_key: str | None = None
    fault: Fault | None = None
    # What the service asked the gateway for on its own, for the journal.
    asked: list[str] = field(default_factory=list)
    # There is one while the reader is waited for.
    operation: Operation | None = None

    @property
    def device(self) -> Device:
        """Return what the reader can do."""
        return readers.device(self.reader)

    @property
    def running(self) -> Operation:
        """Return what is running."""
        assert self.operation is not None
        return self.operation

    def is_on(self, name: str, *, default: bool) -> bool:
        """Return a switch of the call; `true` and `"true"` are the same."""
        value = self.given.get(name, default)
        return str(value).lower() == "true"

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number of the call."""
        return int(self.given.get(name, default))

    def text(self, name: str) -> str:
        """Return a text of the call."""
        return str(self.given.get(name) or "")

    def show(self, text: str, *, for_s: float | None = None) -> None:
        """Put a text on the reader's display."""
        readers.show(self.world, self.reader, text, for_s=for_s)
