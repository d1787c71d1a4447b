"""What the handles on all simulators share: start it, turn its switches, stop it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import httpx

from tests.simulators import Json
from tests.simulators.process import SimulatorProcess

# No call has this number: what comes after it is nothing, however much was asked before.
BEYOND = 1_000_000_000


class SimulatorHandle:
    """A running simulator. Use `start` as a context manager, or `at` for one that runs already."""

    # What is run with `python -m`.
    module: ClassVar[str]

    def __init__(self, base_url: str, process: SimulatorProcess | None = None) -> None:
        self.base_url = base_url
        self.process = process
        self.http = httpx.Client(base_url=base_url, timeout=60, trust_env=False)

    @classmethod
    def _start(cls, options: Mapping[str, object]) -> Self:
        """Start a process with the options that have a value; wait until it accepts."""
        arguments = [
            part
            for name, value in options.items()
            if value is not None
            for part in (name, str(value))
        ]
        process = SimulatorProcess(cls.module, arguments)
        return cls(process.base_url, process)

    @classmethod
    def at(cls, base_url: str) -> Self:
        """Return a handle on a simulator that somebody else started."""
        return cls(base_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Close the handle and end the process, if it is ours; return its exit code."""
        self.http.close()
        return self.process.stop() if self.process is not None else 0

    def kill(self) -> None:
        """End the process without warning."""
        self.http.close()
        if self.process is not None:
            self.process.kill()

    def control(self, method: str, name: str, body: Json | None = None) -> Any:
        """Turn or read a switch under /_sim/."""
        answer = self.http.request(method, f"/_sim/{name}", json=body)
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"{method} /_sim/{name}: {answer.status_code} {answer.text}")
        return answer.json()

    def calls_so_far(self) -> int:
        """Return how many calls it got: the number of the latest, for `requests(since=…)`."""
        return int(self.control("GET", f"requests?since={BEYOND}")["last"])

    def now(self) -> int:
        """Return its virtual time."""
        return int(self.control("GET", "clock")["now"])

    def stop_clock(self) -> int:
        """Let its clock stand still from now on, but for `advance`."""
        return int(self.control("POST", "clock", {"stop": True, "advance_s": 0})["now"])

    def advance(self, seconds: int) -> int:
        """Move its clock; everything due happens before this returns the new time."""
        return int(self.control("POST", "clock", {"advance_s": seconds})["now"])

    def clear_faults(self) -> None:
        """Let all calls pass again."""
        self.control("DELETE", "faults")

    def settings(self, **changes: Any) -> Json:
        """Change settings (the names are in its `default_settings`); return them all."""
        found: Json = self.control("POST", "settings", changes)
        return found

    def objects(self, kind: str) -> list[Json]:
        """Return all rows of a kind, oldest first."""
        found: list[Json] = self.control("GET", f"objects/{kind}")["objects"]
        return found
