"""Starting a simulator as a process of its own, and ending it."""

import ctypes
import pathlib
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Have the kernel end the child when a test run is killed: it must not be left behind."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class SimulatorProcess:
    """A child process that prints `<name> ready <url>` when it accepts connections."""

    def __init__(
        self, module: str, arguments: Sequence[str], *, ready_within_s: float = 20
    ) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self.child = subprocess.Popen(  # noqa: S603 - our own module
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock
        )
        try:
            self.base_url = self._wait_until_ready(ready_within_s)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, seconds: float) -> str:
        assert self.child.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                line = str(self.child.stdout.readline())
                if " ready " in line:
                    return line.rsplit(" ", 1)[1].strip()
                if not line:
                    raise RuntimeError(f"the simulator ended with {self.child.wait()}")
        raise TimeoutError(f"the simulator was not ready within {seconds} s")

    def stop(self, seconds: float = 5) -> int:
        """End it as an operator would; return its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self._close()

    def kill(self) -> None:
        """End it without warning."""
        self.child.kill()
        self.child.wait()
        self._close()

    def _close(self) -> None:
        if self.child.stdout is not None:
            self.child.stdout.close()
