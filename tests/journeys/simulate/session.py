"""One play from its beginning to its comparison, in a database that is there already."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils import timezone

from billing.enums import Provider
from tests.journeys.simulate import catalogue, checks, comparing, truth
from tests.journeys.simulate.play import Play
from tests.journeys.simulate.recompute import Reckoner
from tests.journeys.simulate.world import World
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

Tell = Callable[[datetime, datetime], None]
NOBODY = -1


@dataclasses.dataclass(slots=True)
class Outcome:
    """What came of it: faults by tenant, and figures to add up."""

    faults: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    figures: Counter[str] = dataclasses.field(default_factory=Counter)


def perform(
    numbers: Sequence[int], *, seed: int, months: int, tell: Tell = lambda _now, _begins: None
) -> Outcome:
    """Play these tenants, and compare what came of each."""
    begins = catalogue.beginning(timezone.now().year)
    with (
        StripeSimulator.start() as stripe,
        CardPointeSimulator.start() as gateway,
    ):
        world = World(stripe, gateway, begins)
        with world.lived_in():
            catalogue.lay_out()
            play = Play(world, numbers, seed=seed, months=months)
            play.run(lambda now: tell(now, begins))
            return _judge(play)


def _judge(play: Play) -> Outcome:
    world, outcome = play.world, Outcome()
    outcome.faults += [(NOBODY, words) for words in checks.of_everybody()]
    outcome.faults += play.faults
    asked = truth.ask(world)
    for tenant in play.tenants:
        taken = asked[tenant.organization.pk]
        reckoner = comparing.second_opinion(tenant, taken, world.now)
        number = tenant.diary.number
        outcome.faults += [
            (number, words) for words in comparing.differences(tenant, taken, reckoner)
        ]
        outcome.faults += [
            (number, words) for words in checks.of_tenant(tenant.organization, world.now)
        ]
        outcome.figures.update(_figures(tenant.character.provider, taken, reckoner))
    outcome.figures.update(world.counts)
    return outcome


def _figures(provider: Provider, taken: truth.Taken, reckoner: Reckoner) -> dict[str, int]:
    sums = comparing.sums_of(reckoner)
    figures = {
        "tenants": 1,
        "invoices": sums.invoices,
        "charges": len(taken.accepted),
        "declines": taken.refusals,
        "recovered": reckoner.recovered,
        "lost": sum(bill.is_open for bill in reckoner.bills),
        "invoiced": sums.invoiced_minor,
        "paid": sums.paid_minor,
        "refunded": sums.refunded_minor,
        "open": sums.open_minor,
    }
    return {f"{name}:{provider.value}": value for name, value in figures.items()}
