"""Playing tapes in random orders, and saying where a run differs from the one in order."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import connection

from orgs.models import Organization
from tests.journeys.convergence import verdict
from tests.journeys.convergence.base import Names, quietly, undone
from tests.journeys.convergence.playback import Playback
from tests.journeys.convergence.schedule import Schedule
from tests.journeys.convergence.tape import NotOnTape, Tape

# What is rolled back stays in the tables as dead rows, which every scan has to pass.
_SWEEP_AFTER = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Divergence:
    """One run that ended otherwise, and how to see it again."""

    tape: str
    seed: int
    differences: tuple[str, ...]
    schedule: tuple[str, ...]

    def __str__(self) -> str:
        shown = "\n  ".join(self.differences[:8])
        done = "\n  ".join(self.schedule)
        return f"{self.tape}, seed {self.seed}:\n  {shown}\nafter:\n  {done}"


class Shuffler:
    """Plays one tape in many orders; `close` leaves the database as it was.

    The beginning of the tape is played once, and everything after it is undone after each run.
    How much that is depends on the seed: seeds of one cut should follow each other.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.organization = Organization.objects.get(slug="converging")
        self.runs, self._cut = 0, -1
        self._names = Names(tape)
        self._begun: ExitStack | None = None
        self._begin(tape.prologue)
        self._expected = {tied: self._in_order(is_tied=tied) for tied in (False, True)}

    def cut_of(self, seed: int) -> int:
        """Return the turn of the tape from which a seed's order is random."""
        cuts, chance = self.tape.cuts, random.Random(seed)  # noqa: S311 - repeatable
        # Later ones more often: most of what a run costs are its requests.
        return cuts[max(chance.randrange(len(cuts)), chance.randrange(len(cuts)))]

    def shuffle(self, seed: int) -> Divergence | None:
        """Play the tape in the order of a seed; return how that differs, None if it does not."""
        self.runs += 1
        if self.cut_of(seed) != self._cut or self.runs % _SWEEP_AFTER == 0:
            self._begin(self.cut_of(seed))
        # Every third has all events made in the same second.
        is_tied, found = seed % 3 == 0, None
        with self._run(is_tied=is_tied) as (playback, watch):
            schedule = Schedule(seed, playback)
            with suppress(NotOnTape):
                schedule.run()
                found = verdict.take_down(watch)
        lines = list(playback.trouble)
        if found:
            lines += verdict.differences(self._expected[is_tied], found)
        if not lines:
            return None
        return Divergence(self.tape.name, seed, tuple(lines), tuple(schedule.told))

    def close(self) -> None:
        """Undo the beginning, too."""
        if self._begun is not None:
            self._begun.close()
            self._begun = None

    def _begin(self, cut: int) -> None:
        """Play the beginning, in a transaction that stays open."""
        self.close()
        self._cut = cut
        if not connection.in_atomic_block:
            _sweep()
        self._names.turns.clear()
        self._beginning = Playback(self.tape, self.organization, is_tied=False)
        self._watch = verdict.Watch()
        self._begun = ExitStack()
        self._begun.enter_context(undone())
        with self._names.given(), quietly(), self._beginning.running(), self._watch.watching():
            while self._beginning.turn < cut:
                self._beginning.happen()
        self._turns = Counter(self._names.turns)

    @contextmanager
    def _run(self, *, is_tied: bool) -> Iterator[tuple[Playback, verdict.Watch]]:
        """Go on from the cut; afterwards it is as if nothing had happened."""
        playback, watch = self._beginning.copy(is_tied=is_tied), self._watch.copy()
        self._names.turns = Counter(self._turns)
        with undone(), self._names.given(), quietly(), playback.running(), watch.watching():
            yield playback, watch

    def _in_order(self, *, is_tied: bool) -> verdict.State:
        """Play the tape as it was recorded: each event once, and handled before the next thing."""
        with self._run(is_tied=is_tied) as (playback, watch):
            playback.take_in()
            while not playback.is_over:
                playback.happen()
                playback.take_in()
            playback.settle()
            found = verdict.take_down(watch)
        if playback.trouble or found.faults:
            raise AssertionError("\n".join([self.tape.name, *playback.trouble, *found.faults]))
        return found


def _sweep() -> None:
    tables = ", ".join(f'"{model._meta.db_table}"' for model in verdict.tenant_tables())
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {tables}")
