"""Worker processes of a long run: started, listened to, and ended; and what such a worker says.

What a worker says are lines of JSON on its standard output.
"""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, Any, Protocol

from tests.journeys.workplace import ROOT

_TELL_EVERY_S = 10.0

Said = dict[str, Any]


class Counting(Protocol):
    """Whoever can say how far a run is."""

    def progress(self) -> str:
        """Say how far it is."""
        ...


def hand_out(
    module: str, arguments: Sequence[Sequence[str]], jobs: deque[Said], tally: "Taking"
) -> None:
    """Have workers, one for each list of arguments, do jobs: a line on standard input each.

    A worker asks for the next one by saying `idle`; without one its input ends.
    """

    def take(_index: int, said: Said, given: IO[str]) -> None:
        tally.take(said)
        if "idle" in said:
            _give(given, jobs)

    listen(module, arguments, take, tally)


class Taking(Counting, Protocol):
    """Whoever counts what workers say."""

    def take(self, said: Said) -> None:
        """Count what a worker says."""
        ...


def listen(
    module: str,
    arguments: Sequence[Sequence[str]],
    take: Callable[[int, Said, IO[str]], None],
    tally: Counting,
) -> None:
    """Start workers and pass on what each says, until all have ended; tell how far it is.

    `take` gets the worker's number, what it said, and its standard input.
    """
    heard: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
    workers = [_start(module, words) for words in arguments]
    try:
        for index, worker in enumerate(workers):
            threading.Thread(target=_hear, args=(index, worker, heard), daemon=True).start()
        left, told_at = len(workers), time.monotonic()
        while left:
            with contextlib.suppress(queue.Empty):
                index, line = heard.get(timeout=1)
                left -= not line
                given = workers[index].stdin
                if line and given is not None:
                    take(index, json.loads(line), given)
            if time.monotonic() - told_at > _TELL_EVERY_S:
                told_at = time.monotonic()
                sys.stderr.write(f"{tally.progress()}\n")
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()


def kill(module: str, times: int) -> Said:
    """Have a module kill real processes so often; return what came of it: its last line."""
    command = [sys.executable, "-m", module, str(times)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own module
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"kills": 0, "faults": [f"the killing itself failed ({done.returncode})"]}
    found: Said = json.loads(lines[-1])
    return found


def say(**words: object) -> None:
    """Say something, as a worker."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _start(module: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _hear(
    index: int, worker: subprocess.Popen[str], heard: "queue.SimpleQueue[tuple[int, str]]"
) -> None:
    """Pass on what a worker says; an empty line at its end."""
    assert worker.stdout is not None
    for line in worker.stdout:
        heard.put((index, line))
    heard.put((index, ""))


def _give(given: IO[str], jobs: deque[Said]) -> None:
    if not jobs:
        given.close()
        return
    given.write(json.dumps(jobs.popleft()) + "\n")
    given.flush()
