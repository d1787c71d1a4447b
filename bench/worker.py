"""One worker process that drains the inbox: the function the task calls, and nothing else.

Prints what it did as JSON. Run as `python -m bench.worker [--count | --profile]` with our own
environment; `--count` has libpq write down every message, which slows it, `--profile` says where
the time goes.
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
        "profile": _summary(profiler) if profiler else "",
    }


def _summary(profiler: cProfile.Profile) -> str:
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text).sort_stats("cumulative")
    stats.print_stats(_SHOWN_LINES)
    stats.sort_stats("tottime").print_stats(_SHOWN_LINES)
    return text.getvalue()


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(drain(sys.argv[1] if len(sys.argv) > 1 else "")) + "\n")
