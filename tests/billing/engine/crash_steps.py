"""A process that dies at a place of its code, as seen by the database and the gateway.

What was committed stays, what was not is rolled back, and what the gateway took it has taken.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from billing.engine import (
    attempts,
    change_plans,
    charging,
    outcomes,
    papers,
    refunding,
    scheduling,
    starting,
    time_steps,
)
from billing.services import projection, settlement
from tests.billing.engine.scripted_rail import ScriptedRail

# Before and after each of these a process may die: around every commit and every call of the rail.
SEAMS: tuple[tuple[Any, str], ...] = (
    (settlement, "mark_sent"),
    (starting, "_new"),
    (starting, "_write"),
    (papers, "issue"),
    (papers, "void"),
    (attempts, "open_for"),
    (attempts, "end"),
    (charging, "begin"),
    (charging, "send"),
    (ScriptedRail, "charge"),
    (charging, "conclude"),
    (charging, "resolve"),
    (outcomes, "paid"),
    (outcomes, "declined"),
    (outcomes, "unknown"),
    (outcomes, "not_processed"),
    (change_plans, "apply_change"),
    (time_steps, "step"),
    (scheduling, "end"),
    (refunding, "_write"),
    (ScriptedRail, "refund_charge"),
    (refunding, "_conclude"),
    (projection, "converge"),
)


class Died(BaseException):
    """No handler of the product may catch this: the process is gone."""


class Seams:
    """Counts the places that a run comes by, and dies at the one that is wanted."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.passed = 0
        self.died_at = ""

    def come_by(self, name: str) -> None:
        self.passed += 1
        if self.passed == self.wanted:
            self.died_at = name
            raise Died(name)

    def wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self.come_by(f"before {name}")
            done = call(*args, **kwargs)
            self.come_by(f"after {name}")
            return done

        return run


@contextlib.contextmanager
def dying_at(wanted: int, places: Iterable[tuple[Any, str]] = SEAMS) -> Iterator[Seams]:
    """Let the block die at the `wanted`-th place it comes by, if it comes by so many."""
    seams = Seams(wanted)
    with pytest.MonkeyPatch.context() as patched:
        for owner, name in places:
            label = f"{getattr(owner, '__name__', owner).rpartition('.')[2]}.{name}"
            patched.setattr(owner, name, seams.wrapped(label, getattr(owner, name)))
        with contextlib.suppress(Died):
            yield seams
