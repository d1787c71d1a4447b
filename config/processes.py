"""Child processes with a log, a clean end and no survivors."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

STOP_SECONDS = 15.0
_GROUP_SECONDS = 2.0
_STEP_SECONDS = 0.05
_TAIL_BYTES = 16_384
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

Condition = Callable[[], bool]


class ChildEndedError(RuntimeError):
    """A child ended that should go on; the message holds the end of its log."""


class NotReadyError(RuntimeError):
    """Something did not answer in time; the message says what."""


class Child:
    """A program in a session of its own, so that a signal from the keyboard never reaches it.

    Everything it prints goes to `log`, which starts empty with the object. Should we be killed, the
    system sends it SIGTERM (Linux).
    """

    def __init__(
        self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.env = dict(env)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    def start(self) -> "Child":
        """Start it, or start it again after its end; the log goes on."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command,
                cwd=Path(__file__).resolve().parent.parent,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - a system call and nothing else
            )
        return self

    @property
    def pid(self) -> int:
        """The process id of the running program.

        Raises:
            ChildEndedError: it was not started, or has been stopped.
        """
        if self._process is None:
            raise ChildEndedError(f"{self.name} does not run.")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Say whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def has_ended(self) -> bool:
        """Say whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @property
    def has_succeeded(self) -> bool:
        """Say whether it ended by itself, with code 0."""
        return self._process is not None and self._process.poll() == 0

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask it to end, insist after `seconds`, and end whatever it left behind."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """End it and its children at once, as a crash would."""
        self._end(signal.SIGKILL, STOP_SECONDS)

    def _end(self, number: signal.Signals, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if number is not signal.SIGKILL and process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        # The group outlives its leader while a child of it lives.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _wait_for_group(process.pid)

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        return tail(self.log, lines)

    def ended_error(self) -> ChildEndedError:
        """Return what to raise when it ended by itself."""
        code = self._process.poll() if self._process else None
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        return ChildEndedError(f"{self.name} ended {how}. {self.log}:\n{self.tail()}")


def _wait_for_group(group: int) -> None:
    """Wait until the last of a killed group is gone (or only waits for init to notice)."""
    deadline = time.monotonic() + _GROUP_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(_STEP_SECONDS)


def _end_with_parent() -> None:  # pragma: no cover - runs between fork and exec
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            _seek_back(file, _TAIL_BYTES)
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _seek_back(file: IO[bytes], size: int) -> None:
    file.seek(max(0, file.seek(0, os.SEEK_END) - size))


def wait_until(
    condition: Condition,
    *,
    what: str,
    seconds: float,
    children: Iterable[Child] = (),
) -> None:
    """Wait for a condition, watching the children it depends on.

    Raises:
        ChildEndedError: one of them ended first.
        NotReadyError: `seconds` have passed.
    """
    watched = tuple(children)
    deadline = time.monotonic() + seconds
    while not condition():
        for child in watched:
            if child.has_ended:
                raise child.ended_error()
        if time.monotonic() > deadline:
            logs = "".join(f"\n{child.log}:\n{child.tail()}" for child in watched)
            raise NotReadyError(f"{what} did not answer within {seconds:.0f} s.{logs}")
        time.sleep(_STEP_SECONDS)


def stop_all(children: Iterable[Child], seconds: float = STOP_SECONDS) -> None:
    """Stop children one after the other, the last first, whatever happens to one of them."""
    with contextlib.ExitStack() as stack:
        for child in children:
            stack.callback(child.stop, seconds)
