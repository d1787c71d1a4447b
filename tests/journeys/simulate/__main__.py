"""The command line: `make simulate`, or `python -m tests.journeys.simulate [--tenant N]`."""

import argparse
import json
import sys
from collections.abc import Sequence

from tests.journeys import crew
from tests.journeys.simulate.tally import Tally

SEED = 20261121


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
    """Have each worker play its share of the tenants."""
    jobs = [{"tenants": numbers, "seed": tally.seed, "months": tally.months} for numbers in shares]
    workers = [[f"simulate{index}", json.dumps(job)] for index, job in enumerate(jobs)]
    crew.listen(
        "tests.journeys.simulate.worker",
        workers,
        lambda index, said, _given: tally.take(index, said),
        tally,
    )


if __name__ == "__main__":
    sys.exit(main())
