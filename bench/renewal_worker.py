"""One worker process that renews what is due: the function the task calls, and nothing else.

Run as `python -m bench.renewal_worker ROWS DUE BATCHES [--count | --profile]` with our own
environment: ROWS subscriptions sleep in the tables, and DUE of them are renewed BATCHES times.
Prints what it did as JSON.
"""

import cProfile
import json
import sys
import time
from contextlib import ExitStack

import django

_WARM_UP = 8


def renew(due: range, mode: str) -> dict[str, float]:
    """Renew what is due; say how long it took and what it cost.

    Raises:
        RuntimeError: not all of it was renewed.
    """
    from bench import renewal_rows
    from billing.services import renewals

    renewal_rows.store_due(due)
    with ExitStack() as stack:
        counted = None
        if mode == "--count":
            from bench.statements import traced

            counted = stack.enter_context(traced())
        cpu, started = time.process_time(), time.perf_counter()
        ran = renewals.run_due(now=renewal_rows.DUE_AT)
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
        statements = counted() if counted else 0
    if ran["billed"] != len(due):
        raise RuntimeError(f"{dict(ran)} of {len(due)} renewed")
    return {
        "seconds": seconds,
        "cpu_ms": 1000 * cpu / len(due),
        "statements": statements / len(due),
    }


def main(rows: int, due: int, batches: int, mode: str = "") -> dict[str, object]:
    """Store the sleepers, renew a few, then the number that was asked for, some times."""
    from django.conf import settings
    from django.db import connection

    from bench import renewal_rows

    settings.PAYMENT_DRIVERS["cardconnect"] = "bench.instant_driver.InstantDriver"
    if mode:  # only the main thread's connection is counted, and its functions profiled
        settings.RENEWAL_THREADS = 1
    renewal_rows.store_asleep(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    renew(range(1, 1 + _WARM_UP), "")
    first, found = 1 + _WARM_UP, []
    profiler = cProfile.Profile()
    for _batch in range(batches):
        if mode == "--profile":
            profiler.enable()
        found.append(renew(range(first, first + due), mode))
        profiler.disable()
        first += due
    if mode == "--profile":
        from bench.worker import summary

        sys.stderr.write(summary(profiler))
    return {"due": due, "batches": found, "renewed": first - 1}


if __name__ == "__main__":
    django.setup()
    _rows, _due, _batches = (int(text) for text in sys.argv[1:4])
    sys.stdout.write(json.dumps(main(_rows, _due, _batches, *sys.argv[4:])) + "\n")
