"""A few random orders of every recorded event set; `make converge` plays ten thousand.

A failure names its seed: `python -m tests.journeys.convergence --seed N` plays it again.
"""

import os
from collections.abc import Iterator

import pytest

from tests.journeys.convergence import base, recording
from tests.journeys.convergence.scenarios import SCENARIOS
from tests.journeys.convergence.shuffles import Shuffler
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

SHUFFLES = int(os.environ.get("TILL_SHUFFLES_OF_A_SET", "4"))


@pytest.fixture(scope="module")
def own_stripe() -> Iterator[StripeSimulator]:
    """A simulator whose clock nobody else reads."""
    with StripeSimulator.start() as running, recording.pointing_at(running):
        yield running


@pytest.mark.parametrize(("number", "name"), list(enumerate(SCENARIOS)), ids=list(SCENARIOS))
def test_every_order_ends_in_the_same_rows(
    own_stripe: StripeSimulator, number: int, name: str
) -> None:
    base.lay_out()
    shuffler = Shuffler(base.record(name, own_stripe))
    seeds = range(number, number + SHUFFLES * len(SCENARIOS), len(SCENARIOS))

    found = [shuffler.shuffle(seed) for seed in sorted(seeds, key=shuffler.cut_of)]

    shuffler.close()
    assert {base.tape_of(seed) for seed in seeds} == {name}
    assert [str(one) for one in found if one] == []
