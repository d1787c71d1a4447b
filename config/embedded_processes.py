"""Locks, waits and children: what the launcher needs from the operating system."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

PR_SET_PDEATHSIG: Final = 1
STEP_SECONDS = 0.01


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until the condition holds or the time is up; say whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(STEP_SECONDS)
    return True


def open_lock(path: Path) -> int:
    """Open a lock file, making it if needed; the descriptor closes on exec."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free at this moment; say whether it was taken."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give the lock back, keeping the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_same_file(descriptor: int, path: Path) -> bool:
    """Say whether the path still names the open file (it may have been deleted or replaced)."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Account:
    """The user the servers run as; `switch` is true when that is not the present user."""

    uid: int
    gid: int
    switch: bool

    def can(self, mode: int, path: Path) -> bool:
        """Say whether this user can use the path (`os.F_OK`, `os.R_OK | os.X_OK` …).

        The kernel is asked in a child that became the user: mode bits alone do not know about
        access lists and mount options. Call it from a process without threads.
        """
        if not self.switch:
            return os.access(path, mode)
        child = os.fork()
        if child == 0:  # pragma: no cover - measured in another process
            answer = 1
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                answer = 0 if os.access(path, mode) else 1
            finally:
                os._exit(answer)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def spawn(
    argv: Sequence[str | Path],
    *,
    account: Account,
    cwd: Path,
    log: IO[bytes],
    lock: int,
    death_signal: signal.Signals,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a child that cannot outlive this process and keeps `lock` for as long as it lives.

    Call it from the main thread of the owner: the kernel sends `death_signal` when the thread
    that made the child ends.
    """
    owner = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

    def die_with_owner() -> None:  # pragma: no cover - runs between fork and exec
        # Runs after the change of user, which would have cleared the setting.
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != owner:
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - our own programs and arguments
        [str(part) for part in argv],
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        stdin=stdin,
        stdout=log,
        stderr=log,
        pass_fds=(lock,),
        preexec_fn=die_with_owner,  # noqa: PLW1509 - the owner has no threads
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
        umask=0o077,
    )


def processes_in(directory: Path, program: str) -> list[int]:
    """List the processes of this program that work in this directory (Linux; elsewhere none)."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            executable = (entry / "exe").readlink().name
            if executable.startswith(program) and (entry / "cwd").samefile(directory):
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may have ended."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def stop(child: "subprocess.Popen[bytes]", signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its number of seconds, then kill."""
    for number, seconds in signals:
        if child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if child.poll() is None:
        child.kill()
        child.wait()


def tail(path: Path, *, start: int = 0, lines: int = 15) -> str:
    """Return the last lines of a log file that were written after the byte `start`."""
    try:
        with path.open("rb") as file:
            file.seek(max(start, path.stat().st_size - 20_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
