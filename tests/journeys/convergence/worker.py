"""One process of `make converge`: takes jobs from its standard input, a line of JSON each.

A job has seeds of one event set. What comes of each shuffle is a line of JSON; `idle` asks for the
next job.
"""

import gc
import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.journeys import crew, workplace

if TYPE_CHECKING:
    from tests.simulators.stripe.client import StripeSimulator


def main(name: str) -> None:
    """Do jobs until there are no more."""
    workplace.move_in(name)
    logging.disable(logging.CRITICAL)  # declined cards and the like, thousands of them

    from tests.journeys.convergence import base, recording  # noqa: PLC0415 - needs Django
    from tests.simulators.stripe.client import StripeSimulator  # noqa: PLC0415 - same

    with StripeSimulator.start() as stripe, recording.pointing_at(stripe):
        base.lay_out()
        crew.say(idle=1)
        for line in sys.stdin:
            job = json.loads(line)
            _shuffle(stripe, job["seeds"])
            crew.say(idle=1)


def _shuffle(stripe: "StripeSimulator", seeds: Sequence[int]) -> None:
    from tests.journeys.convergence import base  # noqa: PLC0415 - needs Django
    from tests.journeys.convergence.shuffles import Shuffler  # noqa: PLC0415 - same

    shuffler = Shuffler(base.record(base.tape_of(seeds[0]), stripe))
    _collect_less()
    for seed in sorted(seeds, key=shuffler.cut_of):
        found = shuffler.shuffle(seed)
        crew.say(shuffles=1, divergence=str(found) if found else "")
    shuffler.close()


def _collect_less() -> None:
    """Leave alone what stays: looking for garbage in it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


if __name__ == "__main__":
    main(sys.argv[1])
