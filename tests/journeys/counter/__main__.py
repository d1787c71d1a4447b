"""The command line: `make counter`, or `python -m tests.journeys.counter [--seed N]`."""

import argparse
import sys
from collections import deque
from collections.abc import Sequence

from tests.journeys import crew
from tests.journeys.counter.tally import Tally

RUNS, KILLS = 2_000, 50
PROVIDERS = ("cardconnect", "stripe")
_OF_A_JOB = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Share the runs among workers, half of them at each provider; any fault fails the command."""
    parser = argparse.ArgumentParser(prog="make counter", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only the run of this seed, at each provider")
    parser.add_argument("--provider", choices=PROVIDERS, help="only at this one")
    parser.add_argument("--kills", type=int, default=KILLS, help="real workers to kill")
    parser.add_argument("--break", dest="breaking", default="", help="a rule of broken.py")
    options = parser.parse_args(arguments)
    providers = (options.provider,) if options.provider else PROVIDERS
    each = options.runs // len(providers)
    if options.seed is not None:
        options.first, each, options.kills = options.seed, 1, 0
    tally = Tally(each * len(providers))
    for provider in providers:
        _play(options, provider, each, tally)
    if options.kills:
        tally.take_kills(crew.kill("tests.journeys.counter.kills", options.kills))
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _play(options: argparse.Namespace, provider: str, runs: int, tally: Tally) -> None:
    """Share the runs at a provider among workers."""
    seeds = range(options.first, options.first + runs)
    jobs: deque[crew.Said] = deque(
        {"seeds": list(seeds[at : at + _OF_A_JOB])} for at in range(0, len(seeds), _OF_A_JOB)
    )
    workers = [
        [f"counter{provider}{number}", options.breaking, provider]
        for number in range(min(options.workers, len(jobs)))
    ]
    crew.hand_out("tests.journeys.counter.worker", workers, jobs, tally)


if __name__ == "__main__":
    sys.exit(main())
