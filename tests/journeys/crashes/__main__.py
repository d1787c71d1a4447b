"""The command line: `make crashes`, or `python -m tests.journeys.crashes [--seed N]`."""

import argparse
import sys
from collections import deque
from collections.abc import Sequence

from tests.journeys import crew
from tests.journeys.crashes.tally import Tally

KILLS = 50
# One run in so many is at Stripe.
_AT_STRIPE = 10
_OF_A_JOB = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Share the runs among workers, then kill real ones; any fault fails the command."""
    parser = argparse.ArgumentParser(prog="make crashes", description=__doc__)
    parser.add_argument("--runs", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only the run of this seed")
    parser.add_argument("--stripe", type=int, help="how many of the runs are at Stripe")
    parser.add_argument("--kills", type=int, default=KILLS, help="real processes to kill")
    parser.add_argument("--break", dest="breaking", default="", help="a rule of broken.py")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        options.first, options.runs, options.kills = options.seed, 1, 0
        options.stripe = options.stripe or 0
    tally = Tally(options.runs)
    at_stripe = options.runs // _AT_STRIPE if options.stripe is None else options.stripe
    _play(options, "", options.runs - at_stripe, tally)
    _play(options, "stripe", at_stripe, tally)
    if options.kills:
        tally.take_kills(crew.kill("tests.journeys.crashes.kills", options.kills))
    sys.stdout.write(f"\n{tally.summary()}\n")
    return 0 if tally.is_good else 1


def _play(options: argparse.Namespace, provider: str, runs: int, tally: Tally) -> None:
    """Share runs at our gateway, or at Stripe, among workers."""
    seeds = range(options.first, options.first + runs)
    jobs: deque[crew.Said] = deque(
        {"seeds": list(seeds[at : at + _OF_A_JOB])} for at in range(0, len(seeds), _OF_A_JOB)
    )
    workers = [
        [f"crashes{provider}{number}", options.breaking, provider]
        for number in range(min(options.workers, len(jobs)))
    ]
    if workers:
        crew.hand_out("tests.journeys.crashes.worker", workers, jobs, tally)


if __name__ == "__main__":
    sys.exit(main())
