"""The command line: `make converge`, or `python -m tests.journeys.convergence [--seed N]`."""

import argparse
import dataclasses
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from tests.journeys import crew

EVENT_SETS = 19
_SHOWN = 5


@dataclasses.dataclass(slots=True)
class Tally:
    """What has come of it so far; sums in minor units."""

    shuffles: int
    started: float = dataclasses.field(default_factory=time.monotonic)
    shuffled: int = 0
    divergences: list[str] = dataclasses.field(default_factory=list)

    def take(self, said: dict[str, Any]) -> None:
        """Count what a worker says; show the first of what went wrong."""
        self.shuffled += said.get("shuffles", 0)
        if said.get("divergence"):
            self.divergences.append(said["divergence"])
            if len(self.divergences) <= _SHOWN:
                sys.stderr.write(f"\n{said['divergence']}\n\n")

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return time.monotonic() - self.started

    def progress(self) -> str:
        """Say how far it is."""
        share = self.shuffled / max(1, self.shuffles)
        left = f", {self.seconds * (1 - share) / share / 60:.0f} min left" if share else ""
        return (
            f"{self.seconds:4.0f} s: {self.shuffled:,} of {self.shuffles:,} shuffles, "
            f"{len(self.divergences)} divergent{left}"
        )

    def summary(self) -> str:
        """Return the table at the end."""
        rows = (
            ("shuffles", f"{self.shuffled:,}"),
            ("  divergences", f"{len(self.divergences):,}"),
            ("seconds", f"{self.seconds:,.0f}"),
        )
        return "\n".join(f"{name:<34}{value:>20}" for name, value in rows)

    @property
    def is_good(self) -> bool:
        """Say whether everything was done, and nothing diverged."""
        return self.shuffled == self.shuffles and not self.divergences


def main(arguments: Sequence[str] | None = None) -> int:
    """Share the work among the workers; any divergence fails the run."""
    parser = argparse.ArgumentParser(prog="make converge", description=__doc__)
    parser.add_argument("--shuffles", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, help="only the shuffle of this seed")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        jobs, tally = deque([{"seeds": [options.seed]}]), Tally(1)
    else:
        jobs, tally = _jobs(options.shuffles), Tally(options.shuffles)
    workers = [[f"converge{number}"] for number in range(min(options.workers, len(jobs)))]
    crew.hand_out("tests.journeys.convergence.worker", workers, jobs, tally)
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _jobs(shuffles: int) -> deque[crew.Said]:
    """Cut the work: a job for each event set, which is recorded there."""
    of_sets = [list(range(number, shuffles, EVENT_SETS)) for number in range(EVENT_SETS)]
    return deque({"seeds": seeds} for seeds in of_sets if seeds)


if __name__ == "__main__":
    sys.exit(main())
