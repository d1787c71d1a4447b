"""The command line: `make simulate`, or `python -m tests.journeys.simulate [--tenant N]`."""

import argparse
import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from tests.journeys.convergence.workplace import ROOT
from tests.journeys.simulate.tally import Tally

SEED = 20261121
_TELL_EVERY_S = 10.0

Worker = subprocess.Popen[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Share the tenants among the workers; any difference fails the run."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--tenant", type=int, help="only this one, as in the run of all")
    options = parser.parse_args(arguments)
    numbers = list(range(options.tenants)) if options.tenant is None else [options.tenant]
    workers = max(1, min(options.workers, len(numbers)))
    tally = Tally(options.seed, options.months, len(numbers), workers)
    _run([numbers[index::workers] for index in range(workers)], tally)
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _run(shares: Sequence[Sequence[int]], tally: Tally) -> None:
    command = [sys.executable, "-m", "tests.journeys.simulate.worker"]
    running = []
    for index, numbers in enumerate(shares):
        job = {"tenants": numbers, "seed": tally.seed, "months": tally.months}
        running.append(
            subprocess.Popen(  # noqa: S603 - our own module
                [*command, f"simulate{index}", json.dumps(job)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    try:
        _listen(running, tally)
    finally:
        for worker in running:
            worker.terminate()
            worker.wait()


def _listen(running: Sequence[Worker], tally: Tally) -> None:
    """Count what the workers say until each has ended; say now and then how far they are."""
    heard: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
    for index, worker in enumerate(running):
        threading.Thread(target=_hear, args=(index, worker, heard), daemon=True).start()
    left, told_at = len(running), time.monotonic()
    while left:
        with contextlib.suppress(queue.Empty):
            index, line = heard.get(timeout=1)
            left -= not line
            if line:
                tally.take(index, json.loads(line))
        if time.monotonic() - told_at > _TELL_EVERY_S:
            told_at = time.monotonic()
            sys.stderr.write(f"{tally.progress()}\n")


def _hear(index: int, worker: Worker, heard: "queue.SimpleQueue[tuple[int, str]]") -> None:
    """Pass on what a worker says; an empty line at its end."""
    assert worker.stdout is not None
    for line in worker.stdout:
        heard.put((index, line))
    heard.put((index, ""))


if __name__ == "__main__":
    sys.exit(main())
