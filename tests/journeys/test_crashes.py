"""A few runs of the crash fuzz; `make crashes` plays five thousand, and kills real workers.

A failure names its seed: `python -m tests.journeys.crashes --seed N` plays it again.
"""

import os
from collections.abc import Iterator

import pytest

from tests.journeys.crashes import plan, runs
from tests.journeys.crashes.operations import OPERATIONS
from tests.journeys.crashes.stage import Stage
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_redis")]

RUNS_OF_AN_OPERATION = int(os.environ.get("TILL_CRASHES_OF_AN_OPERATION", "1"))
LENGTHS = {operation.name: 30 for operation in OPERATIONS}


@pytest.fixture(scope="module")
def own_gateway() -> Iterator[CardPointeSimulator]:
    """A simulator that nobody else clears."""
    with CardPointeSimulator.start() as running:
        yield running


@pytest.fixture
def stage(own_gateway: CardPointeSimulator) -> Iterator[Stage]:
    made = Stage(own_gateway)
    with made.set_up():
        yield made


def play(stage: Stage, seed: int) -> runs.Ran:
    return runs.Run(stage, plan.plan_of(seed, LENGTHS)).play()


def test_nobody_pays_twice_whoever_dies(stage: Stage) -> None:
    # The turns are far from each other, so that they die at seams that are.
    seeds = [
        number + len(OPERATIONS) * (2 * number + 11 * turn)
        for number in range(len(OPERATIONS))
        for turn in range(RUNS_OF_AN_OPERATION)
    ]

    found = [play(stage, seed) for seed in seeds]

    assert [str(ran) for ran in found if ran.faults] == []
    assert sum(len(ran.died) for ran in found) > len(OPERATIONS) // 2
    assert sum(ran.figures["captured"] for ran in found) > 0
