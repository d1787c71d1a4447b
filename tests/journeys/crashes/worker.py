"""One process of `make crashes`: takes jobs from its standard input, a line of JSON each.

A job has the seeds of some runs. What comes of each is a line of JSON; `idle` asks for the next
job. With `breaking` a rule of the product is broken first, so that one can see that it is noticed.
"""

import gc
import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.journeys import crew, workplace

if TYPE_CHECKING:
    from tests.journeys.crashes.stage import Stage


def main(name: str, breaking: str = "", provider: str = "") -> None:
    """Do jobs until there are no more, at our gateway or at Stripe."""
    workplace.move_in(name)
    logging.disable(logging.CRITICAL)  # lost answers and the like, thousands of them

    from tests.journeys.crashes import broken, runs  # noqa: PLC0415 - needs Django
    from tests.journeys.crashes.at_stripe import StripeStage  # noqa: PLC0415 - same
    from tests.journeys.crashes.stage import Stage  # noqa: PLC0415 - same
    from tests.simulators.cardpointe.client import CardPointeSimulator  # noqa: PLC0415 - same
    from tests.simulators.stripe.client import StripeSimulator  # noqa: PLC0415 - same

    simulator = StripeSimulator if provider else CardPointeSimulator
    with simulator.start() as gateway, broken.rule(breaking):
        stage = StripeStage(gateway) if isinstance(gateway, StripeSimulator) else Stage(gateway)
        with stage.set_up():
            lengths = runs.measure(stage)
            gc.collect()
            gc.freeze()
            crew.say(idle=1)
            for line in sys.stdin:
                _play(stage, json.loads(line)["seeds"], lengths)
                crew.say(idle=1)


def _play(stage: "Stage", seeds: Sequence[int], lengths: dict[str, int]) -> None:
    from tests.journeys.crashes import plan, runs  # noqa: PLC0415 - needs Django

    for seed in seeds:
        ran = runs.Run(stage, plan.plan_of(seed, lengths)).play()
        crew.say(
            runs=1,
            passed=sorted(set(ran.passed)),
            died=ran.died,
            figures=ran.figures,
            fault=str(ran) if ran.faults else "",
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
