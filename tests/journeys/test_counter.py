"""A few runs of the fuzz of payments in person; `make counter` plays two thousand.

A failure names its seed: `python -m tests.journeys.counter --seed N` plays it again.
"""

import os
from collections import Counter

import pytest

from tests.journeys.counter import broken, runs
from tests.journeys.counter.stage import CounterStage, at
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_redis")]

RUNS = int(os.environ.get("TILL_COUNTER_RUNS", "6"))
# Here a lost answer is a lost payment, when it is taken for a refusal.
TELLING = 74


def play(stage: CounterStage, seeds: range) -> list[runs.Ran]:
    with stage.set_up():
        return [runs.play(stage, seed) for seed in seeds]


@pytest.mark.parametrize("simulator", [CardPointeSimulator, StripeSimulator])
def test_no_basket_is_paid_twice_whatever_breaks(
    simulator: type[CardPointeSimulator] | type[StripeSimulator],
) -> None:
    with simulator.start() as gateway:
        found = play(at(gateway), range(RUNS))

    assert [str(ran) for ran in found if ran.faults] == []
    figures: Counter[str] = Counter()
    for ran in found:
        figures.update(ran.figures)
    assert figures["captured"] > 0


def test_finds_a_till_that_takes_lost_answers_for_refusals() -> None:
    with CardPointeSimulator.start() as gateway, broken.rule("decline-unknown"):
        found = play(at(gateway), range(TELLING, TELLING + 1))

    assert [ran for ran in found if ran.faults]
