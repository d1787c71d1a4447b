"""What happens in a run, rolled from its seed: what is sold, who does what, what goes wrong."""

import dataclasses
import random
from typing import Any

AMOUNT = 1250
_PART = 800

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Sold:
    """What a till does with its basket. `refunds` are amounts; None is all that is left."""

    name: str
    opening: Json = dataclasses.field(default_factory=dict)
    capture: int | None = None
    gives_up: bool = False
    refunds: tuple[int | None, ...] = ()


_MANUAL: Json = {"capture_method": "manual"}
SOLD = (
    Sold("pay"),
    Sold("pay with a tip", {"tip": True}),
    Sold("capture", _MANUAL, AMOUNT),
    Sold("capture a part", _MANUAL, _PART),
    Sold("authorize, then cancel", _MANUAL, gives_up=True),
    Sold("pay, refund", refunds=(None,)),
    Sold("pay, refund in parts", refunds=(300, 450)),
    Sold("capture a part, refund", _MANUAL, _PART, refunds=(None,)),
)
# What may come between while a till waits: its own power is cut, its cashier gives up, another
# till wants the same reader.
POWER, CASHIER, OTHER_TILL = "power cut", "cashier cancels", "another till"

_CUTS = ("before", "after", "after", "in the answer")
_AT_READER: tuple[Json, ...] = (
    {"outcome": "approve"},
    {"outcome": "approve"},
    {"outcome": "approve", "then_wait": 8},
    {"outcome": "approve", "present": "chip"},
    {"outcome": "decline", "code": "05"},
    {"outcome": "decline", "code": "51"},
    {"outcome": "cancel_at_terminal"},
    {"outcome": "no_action"},
    {"outcome": "unplug_before_auth"},
    {"outcome": "unplug_after_auth", "then_wait": 4},
    {"outcome": "late_cancel", "then_wait": 4},
    {"outcome": "gateway_down"},
    {"outcome": "gateway_lost"},
    {"outcome": "gateway_late"},
    {"outcome": "error", "code": "1"},
)
_AT_STRIPE: tuple[str, ...] = (
    "tap",
    "tap",
    "insert",
    "decline",
    "cancel",
    "unplug",
    "tap_unplug",
    "tap_unheard",
    "unheard",
    "nothing",
)
_OF_GATEWAY: tuple[Json, ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "drop_after"},
    {"kind": "truncate"},
    {"kind": "http_500", "commit": True},
    {"kind": "http_500"},
    {"kind": "http_503"},
    {"kind": "http_504", "commit": True},
    {"kind": "http_429", "retry_after": 7},
)
_CALLS = (
    *(8 * ("authCard",)),
    "connect",
    "terminalDetails",
    "cancel",
    "disconnect",
    "capture",
    "capture",
    "void",
    "refund",
    "inquireByOrderid",
)
_OF_STRIPE: tuple[Json, ...] = (
    {"action": "reset_before"},
    {"action": "reset_after"},
    {"action": "reset_after"},
    {"status": 500},
    {"status": 503},
    {"status": 429},
)
_PATHS = (
    "/v1/payment_intents$",
    "/process_payment_intent$",
    "/process_payment_intent$",
    "/cancel_action$",
    "/capture$",
    "/capture$",
    "/v1/payment_intents/pi_[A-Za-z0-9]+/cancel$",
    "/v1/refunds$",
)


@dataclasses.dataclass(slots=True)
class Plan:
    """All that is decided beforehand. What `chance` still decides follows from the seed too."""

    seed: int
    sold: Sold
    chance: random.Random
    people: list[Json]
    faults: list[Json]
    deaf_for_s: int
    # Of a hundred: requests of the till whose line is cut; processes that die.
    cut_share: int
    death_share: int
    # At which rest of the till what comes between.
    between: dict[int, str]
    events: str
    loses_jobs: bool
    most_cuts: int = 4
    most_deaths: int = 3

    def cut(self) -> str:
        """Say how the line of the next request is cut; empty: not at all."""
        if self.most_cuts <= 0 or self.chance.randrange(100) >= self.cut_share:
            return ""
        self.most_cuts -= 1
        return self.chance.choice(_CUTS)

    def death(self) -> int:
        """Return at which seam the next process dies; 0: it does not."""
        if self.chance.randrange(100) >= self.death_share:
            return 0
        return self.chance.randint(1, self.chance.choice((3, 10, 28)))

    def __str__(self) -> str:
        """Say in a line what happens."""
        people = [act.get("outcome") or act.get("does") for act in self.people]
        faults = [_named(fault) for fault in self.faults]
        return (
            f"seed {self.seed}: {self.sold.name}; people {people}; faults {faults}; deaf for "
            f"{self.deaf_for_s} s; cuts {self.cut_share} %, deaths {self.death_share} %; between "
            f"{self.between}; events {self.events}; jobs {'lost' if self.loses_jobs else 'kept'}"
        )


def plan_of(seed: int, *, at_stripe: bool) -> Plan:
    """Roll a run. What is sold takes turns."""
    chance = random.Random(f"counter {seed} {at_stripe}")  # noqa: S311 - not secrecy
    faults = [_fault(chance, at_stripe=at_stripe) for _ in range(chance.choice((0, 1, 1, 1, 2)))]
    # An answer is only lost for good when the question after it is lost as well.
    deaf = (0, 20, 60, 240) if faults else (0, 0, 0, 20, 60)
    return Plan(
        seed=seed,
        sold=SOLD[seed % len(SOLD)],
        chance=chance,
        people=[_person(chance, at_stripe=at_stripe) for _ in range(chance.choice((0, 1, 1, 2)))],
        faults=faults,
        deaf_for_s=chance.choice(deaf),
        cut_share=chance.choice((0, 10, 25)),
        death_share=chance.choice((0, 0, 20, 40)),
        between=_between(chance),
        events=chance.choice(("in time", "in time", "twice", "late", "lost")),
        loses_jobs=chance.random() < 0.15,
    )


def _person(chance: random.Random, *, at_stripe: bool) -> Json:
    wait = chance.choice((0, 3, 8, 20, 60))
    tip = chance.choice((0, 150))
    if at_stripe:
        return {"does": chance.choice(_AT_STRIPE), "wait": wait}
    act: Json = {**chance.choice(_AT_READER), "wait": wait}
    if tip and act["outcome"] == "approve":
        act["tip"] = tip
    return act


def _fault(chance: random.Random, *, at_stripe: bool) -> Json:
    if at_stripe:
        path = chance.choice(_PATHS)
        return {"method": "POST", "path": path, "times": 1, **chance.choice(_OF_STRIPE)}
    call = chance.choice(_CALLS)
    if call == "authCard" and chance.random() < 0.3:
        return {"kind": "late_commit", "seconds": 20, "op": call}
    return {**chance.choice(_OF_GATEWAY), "op": call, "skip": chance.choice((0, 0, 1))}


def _between(chance: random.Random) -> dict[int, str]:
    kinds = (POWER, POWER, CASHIER, OTHER_TILL)
    found = {}
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        found[chance.randint(1, 8)] = chance.choice(kinds)
    return found


def _named(fault: Json) -> str:
    kind = fault.get("kind") or fault.get("action") or fault.get("status")
    return f"{kind} at {fault.get('op') or fault.get('path')} {fault.get('skip', 0) + 1}"
