"""One process of `make counter`: takes jobs from its standard input, a line of JSON each.

A job has the seeds of some runs. What comes of each is a line of JSON; `idle` asks for the next
job. With `breaking` a rule of the product is broken first, so that one can see that it is noticed.
"""

import gc
import json
import logging
import sys

from tests.journeys import crew, workplace


def main(name: str, breaking: str = "", provider: str = "") -> None:
    """Do jobs until there are no more, at a provider's simulator."""
    workplace.move_in(name)
    logging.disable(logging.CRITICAL)  # lost answers and the like, thousands of them

    from tests.journeys.counter import broken, runs, stage  # noqa: PLC0415 - needs Django
    from tests.simulators.cardpointe.client import CardPointeSimulator  # noqa: PLC0415 - same
    from tests.simulators.stripe.client import StripeSimulator  # noqa: PLC0415 - same

    simulator = StripeSimulator if provider == "stripe" else CardPointeSimulator
    with simulator.start() as gateway, broken.rule(breaking):
        shop = stage.at(gateway)
        with shop.set_up():
            gc.collect()
            gc.freeze()
            crew.say(idle=1)
            for line in sys.stdin:
                for seed in json.loads(line)["seeds"]:
                    ran = runs.play(shop, seed)
                    crew.say(
                        runs=1,
                        passed=sorted(set(ran.passed)),
                        died=ran.died,
                        figures=ran.figures,
                        fault=str(ran) if ran.faults else "",
                        slow=str(ran) if ran.slow else "",
                    )
                crew.say(idle=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
