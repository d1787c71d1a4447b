"""The whole system as real processes over a test's own database, for journeys and the browser.

    with Stack(tmp_path) as stack:
        httpx.post(f"{stack.base_url}/api/v1/auth/register", json=…)

The local Stripe, the web server and a Celery worker run as in the demo; beat, the local
CardPointe and the worker that waits at readers only when asked for.
Each part writes a log, and each is stopped by its own process id.
"""

import os
import socket
from pathlib import Path
from typing import Self

import redis

from config import processes
from config.demo_system import System
from config.processes import Child
from tests import log_scan
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

WEBHOOK_SECRET = "whsec_stack0000000000000000000000000000"
READY_SECONDS = 60.0


class Stack:
    """Everything that one journey needs; use it as a context manager.

    Without `database_url` and `redis_url` it shares the test process' own: rows that the test
    writes must be committed (`transaction=True`) to be seen. `environment` reaches every process
    but the simulator.
    """

    def __init__(  # noqa: PLR0913 - each part is asked for by its name
        self,
        directory: Path,
        *,
        interface: str = "asgi",
        with_beat: bool = False,
        with_worker: bool = True,
        with_cardpointe: bool = False,
        with_readers: bool = False,
        database_url: str = "",
        redis_url: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.system = System(
            port=_free_port(),
            simulator_port=_free_port(),
            cardpointe_port=_free_port(),
            state_dir=directory,
            database_url=database_url or os.environ["DATABASE_URL"],
            redis_url=redis_url or os.environ["REDIS_URL"],
            webhook_secret=WEBHOOK_SECRET,
            more_environment=environment or {},
        )
        self.simulator = StripeSimulator.at(self.system.stripe_simulator)
        self.cardpointe = CardPointeSimulator.at(self.system.cardpointe_simulator)
        self._interface = interface
        self._with_beat = with_beat
        self._with_worker = with_worker
        self._with_cardpointe = with_cardpointe
        self._with_readers = with_readers
        self._children: dict[str, Child] = {}

    # --- What a test asks for ---------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where the application answers."""
        return self.system.base_url

    @property
    def mail_dir(self) -> Path:
        """Where sent mails become files."""
        return self.system.mail_dir

    @property
    def database_url(self) -> str:
        """The database of all parts."""
        return self.system.database_url

    @property
    def redis_url(self) -> str:
        """The Redis database of all parts."""
        return self.system.redis_url

    def mails(self) -> list[str]:
        """Return the mails so far, as they would go out, oldest first."""
        files = sorted(self.mail_dir.glob("*.log"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_text() for file in files]

    def logs(self, lines: int = 40) -> str:
        """Return the end of every log, for the message of a failing test."""
        parts = self._children.values()
        return "\n".join(f"--- {child.name} ---\n{child.tail(lines)}" for child in parts)

    # --- Starting and stopping --------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()
        for child in self._children.values():
            if child.name not in ("simulator", "cardpointe"):  # strangers' logs are theirs
                log_scan.check_file(child.name, child.log.read_text())

    def start(self) -> None:
        """Start every part and wait until each answers."""
        self.mail_dir.mkdir(parents=True, exist_ok=True)
        with redis.Redis.from_url(self.redis_url) as connection:
            connection.flushdb()  # jobs of the test before
        self._run("simulator", self.system.simulator())
        if self._with_cardpointe:
            self._run("cardpointe", self.system.cardpointe())
        self._run("web", self.system.web(self._interface))
        if self._with_beat:
            self._run("beat", self.system.beat())
        if self._with_readers:
            self._run("readers", self.system.readers(concurrency=4))
        if self._with_worker:
            self.start_worker()
        self._wait(self.system.simulator_answers, "The local Stripe")
        if self._with_cardpointe:
            self._wait(self.system.cardpointe_answers, "The local CardPointe")
        self._wait(self.system.web_lives, "The application")

    def stop(self) -> None:
        """End every part at once: nothing of it is needed any more."""
        self.simulator.http.close()
        self.cardpointe.http.close()
        for child in reversed(self._children.values()):
            child.kill()

    def start_worker(self) -> None:
        """Start the worker (again) and wait until it has finished a job."""
        self.system.forget_worker()
        if "worker" in self._children:
            self._children["worker"].start()
        else:
            self._run("worker", self.system.worker())
        self._wait(self.system.worker_answers, "The worker")

    def kill_worker(self) -> None:
        """End the worker and its pool without warning."""
        self._children["worker"].kill()

    def stop_worker(self) -> None:
        """Ask the worker to finish what it holds and end."""
        self._children["worker"].stop()

    def kill_web(self) -> None:
        """End the web server without warning."""
        self._children["web"].kill()

    def start_web(self) -> None:
        """Start the web server again and wait until it answers."""
        self._children["web"].start()
        self._wait(self.system.web_lives, "The application")

    def _run(self, name: str, child: Child) -> None:
        self._children[name] = child
        child.start()

    def _wait(self, condition: processes.Condition, what: str) -> None:
        children = self._children.values()
        processes.wait_until(condition, what=what, seconds=READY_SECONDS, children=children)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
