"""A real PostgreSQL and a real Valkey without an install step, for development, tests and the demo.

`acquire(state_dir)` gives the URLs of two servers whose files live in that directory. All
processes that use the same directory share the servers; they stop with the last user, however
that user ends. `python -m config.embedded url|status|stop <state_dir>` is the same from a shell.
"""

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config import embedded_owner
from config import embedded_processes as processes
from config.embedded_layout import Layout, ServicesError, make_state_dir

__all__ = ["Services", "ServicesError", "acquire", "status", "stop"]

ACQUIRE_SECONDS = 180.0
STOP_SECONDS = 45.0
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Services:
    """Where the servers of a state directory are reached; the URLs stay the same over restarts."""

    database_url: str
    redis_url: str
    state_dir: Path


@dataclass(frozen=True)
class Status:
    """What a live owner says of itself: process ids, and whether a commit survives a power cut."""

    pid: int
    postgres: int
    valkey: int
    durable: bool


_held: dict[Path, int] = {}
_guard = threading.Lock()


def _guard_anew() -> None:
    # A forked child is a user too: it inherits the locks, which last until their last holder
    # ends. Only the guard may have been caught in the hands of a thread that the child lacks.
    global _guard  # noqa: PLW0603 - replaced in place
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_guard_anew)


def acquire(state_dir: Path, *, durable: bool = True) -> Services:
    """Return running services over the files in `state_dir`, starting them if needed.

    The calling process counts as a user until it ends. Calling again is cheap, and starts
    servers whose owner was killed. `durable=False` trades safety at a power cut for speed.

    Raises:
        ServicesError: they cannot be had; the message says why and what to do next.
    """
    layout = Layout.of(state_dir)
    deadline = time.monotonic() + ACQUIRE_SECONDS
    with _guard:
        while time.monotonic() < deadline:
            make_state_dir(layout)
            if _is_user(layout) and (live := _ensure_owner(layout, durable=durable)):
                if durable and not live.durable:
                    raise ServicesError(
                        f"The services of {layout.state_dir} run without durability. Stop them "
                        f"first: python -m config.embedded stop '{layout.state_dir}'"
                    )
                return Services(layout.database_url(), layout.redis_url(), layout.state_dir)
            time.sleep(processes.STEP_SECONDS)
    raise ServicesError(
        f"The services of {layout.state_dir} did not answer within {ACQUIRE_SECONDS:.0f} s. "
        f"Look into {layout.log('owner')}, or stop them and try again: "
        f"python -m config.embedded stop '{layout.state_dir}'"
    )


def _is_user(layout: Layout) -> bool:
    """Try to hold `users.lock`; say whether this process holds the file at that path."""
    held = _held.get(layout.state_dir)
    if held is not None:
        if processes.is_same_file(held, layout.users_lock):
            return True
        os.close(_held.pop(layout.state_dir))  # the state directory was deleted and made again
    lock = processes.open_lock(layout.users_lock)
    if processes.try_lock(lock, shared=True) and processes.is_same_file(lock, layout.users_lock):
        _held[layout.state_dir] = lock
        return True
    os.close(lock)  # the owner is about to end: it wants to see no newcomer
    return False


def _ensure_owner(layout: Layout, *, durable: bool) -> Status | None:
    """Ask the owner, or start one when there is none; None: ask again in a moment."""
    live = status(layout.state_dir)
    if live is not None:
        return live
    lock = processes.open_lock(layout.owner_lock)
    try:
        if processes.try_lock(lock) and processes.is_same_file(lock, layout.owner_lock):
            _start_owner(layout, lock, durable=durable)
    finally:
        os.close(lock)
    return status(layout.state_dir)


def _start_owner(layout: Layout, lock: int, *, durable: bool) -> None:
    """Start the owner with the held lock and wait for its report."""
    report, write_end = os.pipe()
    with open(report, "rb") as pipe, layout.log("owner").open("ab") as log:  # noqa: PTH123 - a pipe
        command = [sys.executable, "-m", "config.embedded", "own", str(layout.state_dir)]
        command += ["--lock", str(lock), "--report", str(write_end)]
        try:
            child = subprocess.Popen(  # noqa: S603 - ourselves
                command if durable else [*command, "--not-durable"],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_python_path())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock, write_end),
            )
        finally:
            os.close(write_end)
        child.wait(ACQUIRE_SECONDS)  # it goes on in the background
        is_there, _, _ = select.select([pipe], [], [], ACQUIRE_SECONDS)
        answer = pipe.read().decode() if is_there else "The owner does not report."
    if answer != "ready":
        path = layout.log("owner")
        raise ServicesError(answer or f"The owner ended. {path}:\n{processes.tail(path)}")


def _python_path() -> list[str]:
    return [str(PROJECT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def status(state_dir: Path) -> Status | None:
    """Ask the owner of the state directory; None when there is none that serves."""
    layout = Layout.of(state_dir)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5.0)
        try:
            connection.connect(str(layout.control_socket))
            with connection.makefile() as answer:
                told = json.loads(answer.read() or "null")
            if told is None or told["lock"] != layout.owner_lock.stat().st_ino:
                return None
        except OSError:
            return None
    return Status(told["pid"], told["postgres"], told["valkey"], told["durable"])


def stop(state_dir: Path) -> bool:
    """Stop the services although they may have users; say whether there were any to stop.

    Raises:
        ServicesError: they still run after 45 seconds.
    """
    layout = Layout.of(state_dir)
    live = status(layout.state_dir)
    if live is None:
        return False
    processes.send([live.pid], signal.SIGTERM)
    lock = processes.open_lock(layout.owner_lock)
    try:
        if not processes.wait_until(lambda: processes.try_lock(lock), STOP_SECONDS):
            raise ServicesError(f"The owner (process {live.pid}) does not stop: see its log.")
    finally:
        os.close(lock)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status of `status` is 3 when nothing runs."""
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("url", "print DATABASE_URL and REDIS_URL, starting the services if needed"),
        ("status", "say whether the services run"),
        ("stop", "stop the services although they may have users"),
        ("own", "internal: become the owner process"),
    ):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("state_dir", type=Path)
        command.add_argument("--not-durable", action="store_true", help="faster, for tests")
        if name == "own":
            command.add_argument("--lock", type=int, required=True)
            command.add_argument("--report", type=int, required=True)
    options = parser.parse_args(arguments)
    if options.command == "own":
        embedded_owner.own(
            options.state_dir,
            durable=not options.not_durable,
            lock=options.lock,
            report=options.report,
        )
        return 0
    try:
        return _run_command(options.command, options.state_dir, durable=not options.not_durable)
    except ServicesError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run_command(command: str, state_dir: Path, *, durable: bool) -> int:
    if command == "url":
        services = acquire(state_dir, durable=durable)
        text = f"DATABASE_URL={services.database_url}\nREDIS_URL={services.redis_url}"
    elif command == "stop":
        text = "stopped" if stop(state_dir) else "nothing to stop"
    else:
        live = status(state_dir)
        text = str(live) if live else "not running"
        if live is None:
            sys.stdout.write(f"{text}\n")
            return 3
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
