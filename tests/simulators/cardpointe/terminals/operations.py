"""What runs at a reader: it waits for people and for time, and ends with one answer.

The work is a generator. It yields what it waits for and is resumed with what happened: a step of
the cardholder, nothing when its time is over, or `Stopped` when somebody ends it. Everything is
done by the virtual clock and in the order in which it falls due, however far the clock is moved.
"""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import readers
from tests.simulators.cardpointe.terminals.refusals import TerminalError
from tests.simulators.cardpointe.world import World

COMMAND, PERSON, UNPLUGGED, FAILED = "command", "person", "unplugged", "failed"


@dataclass(frozen=True, slots=True)
class Pause:
    """What work waits for: a step, or this moment. When deaf, the moment alone."""

    until: float | None = None
    deaf: bool = False


class Stopped(Exception):
    """Somebody ends the operation: by command, at the reader, by pulling the plug; or it fails."""

    def __init__(self, by: str, code: int = 0, text: str = "") -> None:
        self.by, self.code, self.text = by, code, text
        super().__init__(by)


Work = Generator[Pause, Json | None, Json]


class Operation:
    """One command that a reader is busy with."""

    def __init__(self, name: str, reader: Json, steps: list[Json], now: float) -> None:
        self.name, self.reader = name, reader
        self.steps = deque(steps)
        # How far its time has come.
        self.at = now
        self.state = "waiting"
        self.work: Work | None = None
        self.pause: Pause | None = None
        self.stop: Stopped | None = None
        self.error = ""
        self.timer: asyncio.TimerHandle | None = None
        # A dictionary, a refusal, or None when the whole world was forgotten meanwhile.
        self.answered: asyncio.Future[Json | TerminalError | None] = (
            asyncio.get_running_loop().create_future()
        )

    def begin(self, work: Work) -> None:
        """Start the work."""
        self.work = work
        self._resume(None)

    def advance(self, now: float) -> None:
        """Let everything happen that is due."""
        while self.pause is not None:
            if self.stop is not None and not self.pause.deaf:
                stop, self.stop = self.stop, None
                self._resume(stop)
                continue
            due = self.due()
            if due is None or due > now:
                return
            is_a_step = due == self._step_due()
            self.at = max(self.at, due)
            if is_a_step:
                self.take(self.steps.popleft())
            else:
                self._resume(None)

    def due(self) -> float | None:
        """Return when something happens next by itself."""
        until = self.pause.until if self.pause is not None else None
        moments = [moment for moment in (self._step_due(), until) if moment is not None]
        return min(moments, default=None)

    def take(self, step: Json) -> None:
        """Let the cardholder do something now."""
        if step.get("cancel"):
            self.stop = Stopped(PERSON)
        elif step.get("unplug"):
            # It stays so until somebody plugs it in.
            self.reader["plugged"] = False
            self.stop = Stopped(UNPLUGGED)
        elif "error" in step:
            self.stop = Stopped(FAILED, int(step["error"]), step.get("text", "Terminal error"))
        elif self.pause is not None and not self.pause.deaf:
            self._resume(step)

    def _step_due(self) -> float | None:
        if not self.steps or self.pause is None or self.pause.deaf:
            return None
        return self.at + float(self.steps[0].get("wait", 0))

    def _resume(self, what: Json | Stopped | None) -> None:
        assert self.work is not None
        try:
            if isinstance(what, Stopped):
                self.pause = self.work.throw(what)
            else:
                self.pause = self.work.send(what)
        except StopIteration as end:
            self._end(end.value)
        except TerminalError as error:
            self._end(error)
        except Exception:  # noqa: BLE001 - a fault of the simulator must be seen, not hang
            self.error = traceback.format_exc()
            self._end(TerminalError(0, self.error))

    def _end(self, answer: Json | TerminalError | None) -> None:
        self.pause = None
        if not self.answered.done():
            self.answered.set_result(answer)


class Floor:
    """All operations that run, one at most for each reader."""

    def __init__(self, world: World, after_change: Callable[[], None]) -> None:
        self.world, self.after_change = world, after_change
        self.running: dict[str, Operation] = {}

    def now(self) -> float:
        """Return the virtual time, with what is shorter than a second."""
        stopped = self.world.stopped
        return time.time() + self.world.offset if stopped is None else float(stopped)

    def at(self, reader: Json) -> Operation | None:
        """Return what runs at a reader."""
        return self.running.get(readers.key(reader["site"], reader["hsn"]))

    def begin(self, operation: Operation, work: Work) -> None:
        """Let an operation run; nothing else runs at its reader."""
        self.running[readers.key(operation.reader["site"], operation.reader["hsn"])] = operation
        operation.begin(work)
        self._advance(operation)

    def act(self, reader: Json, step: Json) -> bool:
        """Let a cardholder do something now; say whether anything was running."""
        if "plug" in step or "unplug" in step:
            reader["plugged"] = bool(step.get("plug"))
            readers.touch(self.world, reader)
        operation = self.at(reader)
        if operation is not None:
            operation.at = max(operation.at, self.now())
            operation.take(step)
            self._advance(operation)
        return operation is not None

    def stop(self, reader: Json) -> None:
        """End by command what runs at a reader."""
        operation = self.at(reader)
        if operation is not None:
            operation.at = max(operation.at, self.now())
            operation.stop = Stopped(COMMAND)
            self._advance(operation)

    def run_due(self) -> None:
        """Let everything happen that is due by the virtual clock."""
        for operation in list(self.running.values()):
            self._advance(operation)

    def clear(self) -> None:
        """Forget everything; who waits for an answer gets none."""
        for operation in self.running.values():
            operation.pause = None
            if not operation.answered.done():
                operation.answered.set_result(None)
        self.running.clear()

    def _advance(self, operation: Operation) -> None:
        if operation.timer is not None:
            operation.timer.cancel()
        if operation.pause is not None:
            operation.advance(self.now())
        if operation.pause is None:
            if self.at(operation.reader) is operation:
                del self.running[readers.key(operation.reader["site"], operation.reader["hsn"])]
            self.after_change()
        elif (due := operation.due()) is not None and self.world.stopped is None:
            delay = max(0.0, due - self.now()) + 0.001
            loop = asyncio.get_running_loop()
            operation.timer = loop.call_later(delay, self._advance, operation)
