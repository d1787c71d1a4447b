"""The command line: `make crashes`, or `python -m tests.journeys.crashes [--seed N]`."""

import argparse
import contextlib
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
from tests.journeys.crashes.tally import Tally

KILLS = 50
_OF_A_JOB = 11
_TELL_EVERY_S = 10.0

Job = dict[str, Any]
Worker = subprocess.Popen[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Share the runs among workers, then kill real ones; any fault fails the command."""
    parser = argparse.ArgumentParser(prog="make crashes", description=__doc__)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only the run of this seed")
    parser.add_argument("--kills", type=int, default=KILLS, help="real processes to kill")
    parser.add_argument("--break", dest="breaking", default="", help="a rule of broken.py")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        options.first, options.runs, options.kills = options.seed, 1, 0
    tally = Tally(options.runs)
    seeds = range(options.first, options.first + options.runs)
    jobs: deque[Job] = deque(
        {"seeds": list(seeds[at : at + _OF_A_JOB])} for at in range(0, len(seeds), _OF_A_JOB)
    )
    _run(jobs, tally, workers=min(options.workers, len(jobs)), breaking=options.breaking)
    if options.kills:
        tally.take_kills(_kill(options.kills))
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _kill(times: int) -> dict[str, Any]:
    """Have real workers killed; return what came of it."""
    command = [sys.executable, "-m", "tests.journeys.crashes.kills", str(times)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own module
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"kills": 0, "faults": [f"the killing itself failed ({done.returncode})"]}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _run(jobs: deque[Job], tally: Tally, *, workers: int, breaking: str) -> None:
    command = [sys.executable, "-m", "tests.journeys.crashes.worker"]
    running = [
        subprocess.Popen(  # noqa: S603 - our own module
            [*command, f"crashes{number}", breaking],
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
