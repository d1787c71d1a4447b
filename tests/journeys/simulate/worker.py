"""One process of `make simulate`: plays the tenants it is told, says how far it is and what came.

What it says are lines of JSON: `day` of the play's clock, a `fault` with its tenant, and `result`.
"""

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.journeys import crew, workplace

if TYPE_CHECKING:
    from datetime import datetime

_TELL_EVERY_S = 2.0


def main(name: str, job: dict[str, Any]) -> None:
    """Play, compare, and say what came of it."""
    workplace.move_in(name)
    logging.disable(logging.CRITICAL)  # declined cards and outages, thousands of them

    from tests.journeys.simulate.session import perform  # noqa: PLC0415 - needs Django

    told_at = 0.0

    def tell(now: "datetime", begins: "datetime") -> None:
        nonlocal told_at
        if time.monotonic() - told_at > _TELL_EVERY_S:
            told_at = time.monotonic()
            crew.say(day=(now - begins).days)

    outcome = perform(job["tenants"], seed=job["seed"], months=job["months"], tell=tell)
    for number, words in outcome.faults:
        crew.say(fault=words, tenant=number)
    crew.say(result=outcome.figures)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
