"""The command line: `make converge`, or `python -m tests.journeys.convergence [--seed N]`."""

import argparse
import contextlib
import dataclasses
import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from tests.journeys.convergence.workplace import ROOT

EVENT_SETS = 19
_SHOWN = 5
_TELL_EVERY_S = 10.0

Job = dict[str, Any]
Worker = subprocess.Popen[str]


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
        jobs, tally = _jobs(options.shuffles), _tally(options)
    _run(jobs, tally, workers=min(options.workers, len(jobs)))
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _tally(options: argparse.Namespace) -> Tally:
    return Tally(options.shuffles)


def _jobs(shuffles: int) -> deque[Job]:
    """Cut the work: a job for each event set, which is recorded there."""
    of_sets = [list(range(number, shuffles, EVENT_SETS)) for number in range(EVENT_SETS)]
    return deque({"seeds": seeds} for seeds in of_sets if seeds)


def _run(jobs: deque[Job], tally: Tally, *, workers: int) -> None:
    command = [sys.executable, "-m", "tests.journeys.convergence.worker"]
    running = [
        subprocess.Popen(  # noqa: S603 - our own module
            [*command, f"converge{number}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    try:
        _listen(running, jobs, tally)
    finally:
        for worker in running:
            worker.terminate()
            worker.wait()


def _listen(running: "Sequence[Worker]", jobs: deque[Job], tally: Tally) -> None:
    """Hand out jobs and count what comes of them, until every worker has ended."""
    heard: queue.SimpleQueue[tuple[Worker, str]] = queue.SimpleQueue()
    for worker in running:
        threading.Thread(target=_hear, args=(worker, heard), daemon=True).start()
    left, told_at = len(running), time.monotonic()
    while left:
        with contextlib.suppress(queue.Empty):
            worker, line = heard.get(timeout=1)
            said = json.loads(line) if line else {}
            left -= not line
            tally.take(said)
            if "idle" in said:
                _hand_out(worker, jobs)
        if time.monotonic() - told_at > _TELL_EVERY_S:
            told_at = time.monotonic()
            sys.stderr.write(f"{tally.progress()}\n")


def _hear(worker: "Worker", heard: "queue.SimpleQueue[tuple[Worker, str]]") -> None:
    """Pass on what a worker says; an empty line at its end."""
    assert worker.stdout is not None
    for line in worker.stdout:
        heard.put((worker, line))
    heard.put((worker, ""))


def _hand_out(worker: "Worker", jobs: deque[Job]) -> None:
    assert worker.stdin is not None
    if not jobs:
        worker.stdin.close()
        return
    worker.stdin.write(json.dumps(jobs.popleft()) + "\n")
    worker.stdin.flush()


if __name__ == "__main__":
    sys.exit(main())
