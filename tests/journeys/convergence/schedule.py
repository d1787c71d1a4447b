"""A random order: what is drawn from a seed, and the words for it."""

import dataclasses
import random

from tests.journeys.convergence.playback import Playback
from tests.journeys.convergence.tape import Json

_DEEPEST = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How a schedule goes about it; each is a probability.

    `stall` is that of a drain which has fetched and applies only after everything else is over.
    """

    drop: float
    again: float
    shuffle: float
    split: float
    lose: float
    eager: float
    stall: float

    @classmethod
    def draw(cls, chance: random.Random) -> "Manner":
        """Draw a manner: calm ones and wild ones, and such as deliver everything at the end."""
        return cls(
            drop=chance.choice((0.0, 0.1, 0.4, 1.0)),
            again=chance.choice((0.0, 0.1, 0.5)),
            shuffle=chance.choice((0.0, 0.5, 1.0)),
            split=chance.choice((0.0, 0.3, 0.7)),
            lose=chance.choice((0.0, 0.0, 0.5)),
            eager=chance.choice((0.1, 0.4, 0.8)),
            stall=chance.choice((0.0, 0.0, 0.3)),
        )


class Schedule:
    """One order of things, drawn from a seed while it runs; `told` is what was done."""

    def __init__(self, seed: int, playback: Playback) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
        self.playback = playback
        self.manner = Manner.draw(self.chance)
        self.told: list[str] = [str(self.manner)]
        self._depth = 0
        self._judged: set[str] = set()
        self._dropped: set[str] = set()
        playback.meanwhile = self.meanwhile

    def run(self) -> None:
        """Do it, from beginning to end; what was dropped is delivered at last."""
        self._to_the_end()
        self._say("settle")
        self.playback.settle()

    def _to_the_end(self) -> None:
        playback = self.playback
        while not playback.is_over:
            self._something()
        rest = list(playback.waiting)
        self.chance.shuffle(rest)
        for event in rest:
            self._deliver(event)
            if self.chance.random() < self.manner.eager / 8:
                self._drain()
        for event in playback.delivered:
            if self.chance.random() < self.manner.again / 2:
                self._again(event)

    def meanwhile(self) -> None:
        """Let something happen while an answer, or fetched truth, is on its way."""
        if self._depth == 0 and self._may_stall and self.chance.random() < self.manner.stall:
            self._stall()
            return
        if self._depth >= _DEEPEST or self.chance.random() >= self.manner.split:
            return
        self._depth += 1
        for _ in range(self.chance.randint(1, 3)):
            self._something()
        self._depth -= 1

    @property
    def _may_stall(self) -> bool:
        """Say whether a worker may be left waiting: nobody waits for an answer of its."""
        return not self.playback.is_requesting and not self.playback.is_over

    def _stall(self) -> None:
        """Leave a worker with what it fetched until all the others are done."""
        self._depth += 1
        self._say("the worker stalls, and all that follows happens without it")
        self._to_the_end()
        self.playback.drain()
        self._depth -= 1
        self._say("the worker goes on")

    def _something(self) -> None:
        playback, kind = self.playback, self.chance.random()
        ready = [event for event in playback.waiting if not self._is_dropped(event)]
        if kind < 0.35 or (not ready and kind < 0.6):
            self._happen()
        elif kind < 0.6:
            for _ in range(self.chance.randint(1, 6)):
                self._deliver_one()
        elif kind < 0.65:
            if playback.delivered and self.chance.random() < self.manner.again:
                self._again(self.chance.choice(playback.delivered))
        elif kind < 0.72:
            name, run = self.chance.choice(
                (("ask", playback.ask), ("retry", playback.retry), ("look", playback.look))
            )
            self._say(name)
            run()
        elif self.chance.random() < self.manner.eager:
            self._drain()

    def _happen(self) -> None:
        playback = self.playback
        if not playback.may_move_on or (playback.is_request_next and self._depth > 1):
            return
        loses = self.chance.random() < self.manner.lose
        entry = playback.tape.script[playback.turn]
        what = f"moment {entry}" if isinstance(entry, int) else f"request: {entry.name}"
        self._say(what + (", its answer lost" if loses else ""))
        playback.happen(loses_answer=loses)

    def _deliver_one(self) -> None:
        ready = [event for event in self.playback.waiting if not self._is_dropped(event)]
        if not ready:
            return
        is_any = self.chance.random() < self.manner.shuffle
        self._deliver(self.chance.choice(ready) if is_any else ready[0])

    def _deliver(self, event: Json) -> None:
        self._say(f"deliver {event['type']} {event['data']['object'].get('id', '')}")
        self.playback.deliver(event)

    def _again(self, event: Json) -> None:
        self._say(f"deliver again {event['type']}")
        self.playback.deliver(event)

    def _drain(self) -> None:
        limit = self.chance.choice((2, 5, 100))
        self._say(f"drain by {limit}")
        self.playback.drain(limit)

    def _is_dropped(self, event: Json) -> bool:
        """Say whether an event is lost the first time; judged once."""
        if event["id"] not in self._judged:
            self._judged.add(event["id"])
            if self.chance.random() < self.manner.drop:
                self._dropped.add(event["id"])
        return event["id"] in self._dropped

    def _say(self, words: str) -> None:
        self.told.append(f"{'    ' * self._depth}{words}")
