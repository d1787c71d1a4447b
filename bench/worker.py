"""One worker process that drains the inbox: the function the task calls, and nothing else.

A worker lives long, so a few objects are handled before the clock starts. Prints what it did as
JSON. Run as `python -m bench.worker SHAPE OBJECTS [--count | --profile]` with our own environment;
`--count` has libpq write down every message, which slows it, `--profile` says where time goes.
"""

import cProfile
import io
import json
import pstats
import sys
import time
from contextlib import ExitStack

import django

_SHOWN_LINES = 45
_WARM_UP = 8


def drain(mode: str) -> dict[str, object]:
    """Drain what waits; say how much, how long, and what it cost."""
    from billing.services import dispatch
    from orgs import clock

    now = clock.now()
    profiler = cProfile.Profile() if mode == "--profile" else None
    statements = None
    with ExitStack() as stack:
        counted = None
        if mode == "--count":
            from bench.statements import traced

            counted = stack.enter_context(traced())
        cpu = time.process_time()
        started = time.perf_counter()
        if profiler:
            handled = profiler.runcall(dispatch.drain_inbox, now=now)
        else:
            handled = dispatch.drain_inbox(now=now)
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
        if counted:
            statements = counted()
    return {
        "handled": handled,
        "seconds": seconds,
        "cpu_ms": 1000 * cpu / max(1, handled),
        "statements": statements / max(1, handled) if statements is not None else None,
        "profile": summary(profiler) if profiler else "",
    }


def summary(profiler: cProfile.Profile) -> str:
    """Return where the time went, the dearest first."""
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text).sort_stats("cumulative")
    stats.print_stats(_SHOWN_LINES)
    stats.sort_stats("tottime").print_stats(_SHOWN_LINES)
    return text.getvalue()


def main(shape: str, objects: int, mode: str = "") -> dict[str, object]:
    """Store and drain a few, then the number that was asked for."""
    from django.db import connection

    from bench import fixtures

    fixtures.store(shape, range(1, 1 + _WARM_UP))
    drain("")
    stored = fixtures.store(shape, range(1 + _WARM_UP, 1 + _WARM_UP + objects))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"stored": stored, "objects": objects + _WARM_UP, **drain(mode)}


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])) + "\n")
