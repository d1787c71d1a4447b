"""Faults on request: errors, silence, cut connections and latency for chosen calls."""

import re
from dataclasses import dataclass, field

from tests.simulators.faults import BaseFault, WaitingFaults
from tests.simulators.stripe import Json

ACTIONS = ("timeout_before", "timeout_after", "reset_before", "reset_after")
_DEFAULT_ERROR = {"type": "api_error", "message": "An error was asked for."}


@dataclass
class Fault(BaseFault):
    """What happens to the next `times` calls that match. `times` -1 never wears out."""

    method: str = "*"
    path: str = ".*"
    status: int | None = None
    error: Json = field(default_factory=lambda: dict(_DEFAULT_ERROR))
    action: str | None = None
    latency_ms: int = 0
    hold_s: float = 100.0
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could never match or would do nothing."""
        re.compile(self.path)
        if self.action is not None and self.action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}")
        if self.status is None and self.action is None and not self.latency_ms:
            raise ValueError("a fault needs a status, an action or a latency_ms")

    def matches(self, method: str, path: str) -> bool:
        """Say whether a call is meant."""
        return self.method in ("*", method) and re.search(self.path, path) is not None


class Faults(WaitingFaults[Fault]):
    """The faults that wait for their calls."""

    def __init__(self) -> None:
        super().__init__(Fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for this call, counted down."""
        for fault in self.waiting:
            if fault.times != 0 and fault.matches(method, path):
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None
