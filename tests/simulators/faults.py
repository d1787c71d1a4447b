"""What the faults of all simulators share: those that wait, and answers that never come."""

import asyncio
from dataclasses import asdict, dataclass, fields
from typing import Generic, TypeVar

from starlette.types import Receive

from tests.simulators import Json


@dataclass(kw_only=True)
class BaseFault:
    """What happens to the next `times` calls that match. `times` -1 never wears out."""

    times: int = 1


FaultT = TypeVar("FaultT", bound=BaseFault)


class WaitingFaults(Generic[FaultT]):
    """The faults that wait for their calls."""

    def __init__(self, kind: type[FaultT]) -> None:
        self.kind = kind
        self.waiting: list[FaultT] = []

    def add(self, given: Json) -> None:
        """Let a fault wait; refuse what it does not have."""
        known = {field.name for field in fields(self.kind)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; a fault has {', '.join(known)}")
        self.waiting.append(self.kind(**given))

    def shown(self) -> list[Json]:
        """Return the faults that have not worn out."""
        return [asdict(fault) for fault in self.waiting if fault.times != 0]


def cut(receive: Receive) -> None:
    """Cut the connection of a request: the caller sees a reset instead of an answer."""
    # uvicorn hands `receive` out as a method of its request cycle, which knows the transport.
    transport = receive.__self__.transport  # type: ignore[attr-defined]
    transport.abort()


async def hold(receive: Receive, seconds: float) -> None:
    """Answer nothing until the caller gives up or the time is over, then cut the connection."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), timeout=seconds)
    except TimeoutError:
        cut(receive)
