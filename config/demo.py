"""`make demo` and `make run`: the whole system in the foreground, with nothing to install.

PostgreSQL, Valkey, a local Stripe and a local CardPointe, the application, a worker and its
clock. The last line of the start says READY; Ctrl-C ends everything, and what was stored is there
again at the next start.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from config import demo_database, demo_report, embedded, embedded_layout, processes
from config import embedded_processes as locks
from config.demo_system import System
from config.processes import Child
from config.template_database import TemplateError

PROJECT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90.0
PREPARE_SECONDS = 300.0
_WATCH_SECONDS = 0.5
_MAX_PORT = 65_533
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoError(Exception):
    """The demo can't start; the message is for the person who typed the command."""


class Interrupted(BaseException):
    """Ctrl-C, or a polite kill."""


@dataclass(frozen=True)
class Options:
    """What the command was asked for."""

    port: int
    state_dir: Path
    is_development: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with _supervision(read_options(arguments)) as children:
            _watch(children)
    except Interrupted:
        _say("Stopped.")
        return 0
    except (
        DemoError,
        TemplateError,
        embedded.ServicesError,
        processes.ChildEndedError,
        processes.NotReadyError,
    ) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1


def _interrupt(*_signal: object) -> NoReturn:
    """Leave whatever we are in; the end itself is not interrupted any more."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def read_options(arguments: Sequence[str] | None) -> Options:
    """Read the command line, PORT and TILL_STATE_DIR.

    Raises:
        DemoError: PORT is no port.
    """
    parser = argparse.ArgumentParser(prog="python -m config.demo", description=__doc__)
    parser.add_argument("--develop", action="store_true", help="reload changed code; var/dev")
    is_development = parser.parse_args(arguments).develop
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) <= _MAX_PORT:
        raise DemoError(f"PORT is {text!r}: use a number from 1 to {_MAX_PORT}.")
    default = PROJECT / "var" / ("dev" if is_development else "demo")
    state_dir = Path(os.environ.get("TILL_STATE_DIR") or default)
    return Options(int(text), Path(os.path.realpath(state_dir)), is_development)


@contextlib.contextmanager
def _supervision(options: Options) -> Iterator[list[Child]]:
    """Start everything, and end everything in order whatever happens."""
    begun = time.monotonic()
    children: list[Child] = []
    refuse_taken_ports(options.port, options.port + 1, options.port + 2)
    with contextlib.ExitStack() as ends:
        embedded_layout.make_state_dir(embedded_layout.Layout.of(options.state_dir))
        ends.callback(os.close, _hold(options.state_dir))
        demo_report.forget(options.state_dir)
        system = _system(options, ends)
        ends.callback(_stop, children)
        _start(system, children, options)
        demo_report.publish(system)
        _say(demo_report.describe(system, time.monotonic() - begun))
        _say(f"READY {system.base_url}")
        yield children


def _system(options: Options, ends: contextlib.ExitStack) -> System:
    """Provide what the system stands on: the named servers, or our own."""
    database_url = os.environ.get("DATABASE_URL", "")
    redis_url = os.environ.get("REDIS_URL", "")
    if not (database_url and redis_url):
        _say("Starting PostgreSQL and Valkey…")
        ends.callback(embedded.stop, options.state_dir)
        services = embedded.acquire(options.state_dir)
        redis_url = redis_url or services.redis_url
        if not database_url:
            database_url = services.database_url
            demo_database.make_if_empty(database_url, redis_url=redis_url, say=_say)
    return System(
        port=options.port,
        simulator_port=options.port + 1,
        cardpointe_port=options.port + 2,
        state_dir=options.state_dir,
        database_url=database_url,
        redis_url=redis_url,
        webhook_secret=demo_report.webhook_secret(options.state_dir),
    )


def _start(system: System, children: list[Child], options: Options) -> None:
    """Start the children and wait until each of them answers."""
    is_current = not os.environ.get("DATABASE_URL") and demo_database.is_current(system.state_dir)
    _say("Starting the local providers…" if not is_current else "Starting everything else…")
    _run(system.simulator(), children)
    _run(system.cardpointe(), children)
    if is_current:  # then nothing has to wait for the preparation
        _start_application(system, children, options)
    _wait(system.simulator_answers, "The local Stripe", children)
    _wait(system.cardpointe_answers, "The local CardPointe", children)
    _prepare(system, children, migrate=not is_current)
    if not is_current:
        _say("Starting the worker, its clock and the application…")
        _start_application(system, children, options)
    _wait(system.worker_answers, "The worker", children)
    _wait(system.web_answers, "The application", children)
    # Nobody waits for these two: a first payment at a reader waits for its worker in the queue.
    _run(system.readers(), children)
    _run(system.beat(), children)


def _start_application(system: System, children: list[Child], options: Options) -> None:
    system.forget_worker()
    _run(system.worker(), children)
    _run(system.development_web() if options.is_development else system.web(), children)


def _prepare(system: System, children: list[Child], *, migrate: bool) -> None:
    """Migrate what lags behind; seed plans and people."""
    if migrate:
        _say("Migrating, seeding plans and people…")
    option = "--migrate" if migrate else "--skip-checks"
    child = system.manage("seed_demo", str(demo_report.people_file(system)), option)
    _run(child, children)
    processes.wait_until(
        lambda: child.has_succeeded,
        what="The preparation of the database",
        seconds=PREPARE_SECONDS,
        children=children,
    )
    children.remove(child)
    demo_database.note_current(system.state_dir)


def _run(child: Child, children: list[Child]) -> None:
    children.append(child)
    child.start()


def _wait(condition: processes.Condition, what: str, children: list[Child]) -> None:
    processes.wait_until(condition, what=what, seconds=READY_SECONDS, children=children)


def _watch(children: list[Child]) -> NoReturn:
    """Wait for a signal, or for the end of a child.

    Raises:
        ChildEndedError: one of them ended by itself.
    """
    while True:
        for child in children:
            if child.has_ended:
                raise child.ended_error()
        time.sleep(_WATCH_SECONDS)


def _stop(children: list[Child]) -> None:
    _say("\nStopping…")
    processes.stop_all(children)


def _hold(state_dir: Path) -> int:
    """Make sure that no other demo uses the directory, until the descriptor is closed."""
    lock = locks.open_lock(state_dir / "demo.lock")
    if not locks.try_lock(lock):
        os.close(lock)
        raise DemoError(f"Another demo runs on {state_dir}. End it, or set TILL_STATE_DIR.")
    return lock


def refuse_taken_ports(*ports: int) -> None:
    """Make sure that we can listen where we have to.

    Raises:
        DemoError: one of the ports is taken.
    """
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise DemoError(
                    f"Port {port} of 127.0.0.1 can't be used ({error.strerror}). Stop what listens "
                    f"there, or choose another port: PORT=8010 make demo"
                ) from error


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
