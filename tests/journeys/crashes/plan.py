"""What happens in a run, rolled from its seed: who dies where, who is a rival, what goes wrong."""

import dataclasses
import random

from tests.journeys.crashes import at_stripe, faults
from tests.journeys.crashes.operations import OPERATIONS, Operation
from tests.journeys.crashes.tenants import Act

# How long a process may have stood still at a seam while the others went on.
_STALLS_S = (0, 0, 0, 0, 6, 61, 95, 200, 310)


@dataclasses.dataclass(slots=True)
class Plan:
    """What happens in a run; all of it follows from its seed."""

    seed: int
    operation: Operation
    dies_at: int
    yields_at: int
    stall_s: int
    rivals: list[tuple[Act, int]]
    trouble: faults.Trouble
    worker_deaths: list[int]
    late_death: int
    asks_again: bool

    def __str__(self) -> str:
        """Say in a line what happens."""
        rivals = [f"{act.__name__}{f' (dies at {at})' if at else ''}" for act, at in self.rivals]
        return (
            f"seed {self.seed}: {self.operation.name}; dies at {self.dies_at}; at "
            f"{self.yields_at} stands still for {self.stall_s} s, meanwhile {rivals}; network: "
            f"{self.trouble}; workers die at {self.worker_deaths} and "
            f"next day at {self.late_death}; again: {self.asks_again}"
        )


def plan_of(seed: int, lengths: dict[str, int]) -> Plan:
    """Roll a run. Operations take turns, and so do the seams at which they die."""
    is_ours = OPERATIONS[0].name in lengths
    operations = OPERATIONS if is_ours else at_stripe.OPERATIONS
    turn, number = divmod(seed, len(operations))
    operation = operations[number]
    length = lengths[operation.name]
    chance = random.Random(f"crash {seed}")  # noqa: S311 - not secrecy
    rivals = [
        (chance.choice(operation.rivals), chance.choice((0, 0, chance.randint(1, length))))
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))
    ]
    stall_s = chance.choice(_STALLS_S)
    trouble = faults.choose(chance) if is_ours else at_stripe.choose(chance)
    return Plan(
        seed=seed,
        operation=operation,
        # One turn in eight nobody dies: then it is the network, or the others, alone.
        dies_at=0 if chance.random() < 1 / 8 else 1 + turn % (length + 2),
        yields_at=chance.randint(1, length) if rivals or stall_s else 0,
        stall_s=stall_s,
        rivals=rivals,
        trouble=trouble,
        worker_deaths=[chance.randint(1, 30) for _ in range(chance.choice((0, 0, 1, 2)))],
        late_death=chance.choice((0, 0, chance.randint(1, 40))),
        asks_again=operation.insists or chance.random() < 0.5,
    )
