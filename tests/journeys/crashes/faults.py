"""What goes wrong on the way to the gateway and back, and how long."""

import dataclasses
import random
from datetime import timedelta
from typing import Any

from tests.journeys.crashes.stage import Stage

NEVER = timedelta()
_LATE_S = 20
# What can become of a request whose answer is no plain yes or no.
_DISTURBED: tuple[dict[str, Any], ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "drop_after"},
    {"kind": "late_commit", "seconds": _LATE_S},
    {"kind": "truncate"},
    {"kind": "http_500", "commit": True},
    {"kind": "http_500"},
    {"kind": "http_502", "commit": True},
    {"kind": "http_503"},
    {"kind": "http_504", "commit": True},
    {"kind": "http_408", "commit": True},
    {"kind": "http_408"},
    {"kind": "http_429", "retry_after": 7},
    {"kind": "http_429"},
)
# Only a charge is answered so. The first four are refusals in the end, and may be told as such.
_OF_CHARGES: tuple[dict[str, Any], ...] = (
    {"kind": "decline", "code": "51"},
    {"kind": "processor_timeout"},
    {"kind": "b_code", "proc": "FNOR", "code": "91"},
    {"kind": "partial", "cents": 500},
    {"kind": "no_retref"},
    {"kind": "no_respstat"},
)
_REFUSALS = ("decline", "processor_timeout", "b_code", "partial")
_WRITES = ("auth", "auth", "auth", "auth", "void", "refund")


@dataclasses.dataclass(slots=True)
class Trouble:
    """The faults of a run. Questions are answered again after `deaf_for`."""

    faults: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    deaf_for: timedelta = NEVER

    @property
    def refuses(self) -> bool:
        """Say whether a good card may be refused in this run."""
        return any(fault["kind"] in _REFUSALS for fault in self.faults)

    def begin(self, stage: Stage) -> None:
        """Let it go wrong from here on."""
        for fault in self.faults:
            stage.gateway.add_fault(**fault)
        if self.deaf_for:
            stage.gateway.add_fault("inquiry_down", times=-1)

    def end(self, stage: Stage) -> None:
        """Let all calls pass again."""
        stage.gateway.clear_faults()

    def __str__(self) -> str:
        """Say in a line what goes wrong."""
        told = [
            f"{fault['kind']} at {fault.get('op', 'auth')} {fault['skip'] + 1}"
            for fault in self.faults
        ]
        if self.deaf_for:
            told.append(f"no answer to questions for {self.deaf_for}")
        return ", ".join(told) or "nothing"


def choose(chance: random.Random) -> Trouble:
    """Roll what goes wrong in a run: often nothing, sometimes twice."""
    trouble = Trouble()
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
        if chance.random() < 0.25:
            fault, operation = chance.choice(_OF_CHARGES), "auth"
        else:
            fault, operation = chance.choice(_DISTURBED), chance.choice(_WRITES)
        skip = chance.choice((0, 0, 1, 1, 2))
        trouble.faults.append({**fault, "op": operation, "skip": skip})
    if chance.random() < 0.2:
        seconds = chance.choice((10, 70, 200, 2400))
        trouble.deaf_for = timedelta(seconds=seconds)
    return trouble
