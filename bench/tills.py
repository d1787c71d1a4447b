"""Fifty tills at once: through our real processes, and the same calls without us."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from bench import database, load, processes, server
from bench.processes import BenchError
from bench.report import Row
from bench.till_load import Order, Outcome
from config.processes import Child, wait_until
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

_ROOT = Path(__file__).resolve().parent.parent
# A till has a customer every half minute: ten minutes are twenty payments.
EVERY_S = 30
CALM_CUSTOMERS = 2
PROVIDERS = ("stripe", "cardconnect")
_READY_S = 90.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Measured:
    bare: Outcome
    ours: Outcome
    calm: Outcome
    statements: float


class Tills:
    """What was measured, by provider."""

    def __init__(
        self, services: server.Services, *, tills: int, minutes: float, every_s: float = EVERY_S
    ) -> None:
        """Say how many tills work, for how many virtual minutes, and how often somebody pays."""
        self._services = services
        self._tills, self._minutes, self._every_s = tills, minutes, every_s
        self._payments = max(1, int(minutes * 60 / EVERY_S))
        self._found: dict[str, _Measured] = {}

    def measure(self) -> None:
        """Let them work at both providers, one after the other."""
        for provider in PROVIDERS:
            self._found[provider] = _SHOPS[provider](self)

    @property
    def rates(self) -> dict[str, list[float]]:
        """Return payments per second."""
        found = {}
        for provider, measured in self._found.items():
            found[f"bare: tills, {provider}"] = [measured.bare.per_second]
            found[f"ours: tills, {provider}"] = [measured.ours.per_second]
        return found

    def rows(self) -> list[Row]:
        """Return the lines of the table."""
        return [row for provider in self._found for row in self._rows(provider)]

    def _rows(self, provider: str) -> list[Row]:
        measured = self._found[provider]
        bare, ours = measured.bare, measured.ours
        conflicts = sum(run.busy + run.failed for run in (ours, measured.calm))
        return [
            Row(
                f"{self._tills} tills, {provider}: payments per second",
                f"{bare.per_second:,.0f}/s",
                f"{ours.per_second:,.1f}/s",
                f"{ours.per_second / bare.per_second:.3f}",
                f"≥ {self._tills / EVERY_S:.1f}/s",
                ours.per_second >= self._tills / EVERY_S,
            ),
            Row(
                f"{self._tills} tills, {provider}: own time without a pause, p50 / p95",
                _times(bare),
                _times(ours),
                f"{_median(ours) / _median(bare):.1f}",
            ),
            Row(
                f"{self._tills} tills, {provider}: own time at their pace, p50 / p95",
                "",
                _times(measured.calm),
            ),
            Row(
                f"{self._tills} tills, {provider}: busy or failed",
                str(bare.failed),
                str(conflicts),
                target="0",
                ok=conflicts == 0,
            ),
            Row(
                f"{provider}: statements per payment at a reader", "", f"{measured.statements:.0f}"
            ),
        ]

    def at_stripe(self) -> _Measured:
        """Measure at the simulated Stripe."""
        with StripeSimulator.start() as simulator:
            made = [
                simulator.api(
                    "POST",
                    "/v1/terminal/readers",
                    {"registration_code": "simulated-wpe", "label": f"Till {number}"},
                ).json()["id"]
                for number in range(self._tills)
            ]
            for reader in made:
                simulator.set_reader(reader, cardholder={"does": "tap", "at_once": True})
            return self._measure("stripe", made, simulator.base_url)

    def at_cardconnect(self) -> _Measured:
        """Measure at the simulated CardPointe."""
        with CardPointeSimulator.start() as simulator:
            simulator.settings(rate_limit=0)
            made = [f"BENCH{number:03}" for number in range(self._tills)]
            for reader in made:
                simulator.put_reader(reader)
                simulator.script(reader, "approve", default=True)
            return self._measure("cardconnect", made, simulator.base_url)

    def _measure(self, provider: str, readers: list[str], simulator: str) -> _Measured:
        bare = _run(Order(provider, dict.fromkeys(readers, ""), self._payments, simulator))
        services = self._services
        name = f"till_bench_tills_{provider}"
        with database.cloned(services.admin_url, services.template, name) as url:
            env = _environment(services, url, provider, simulator)
            words = [provider, *readers[: max(2, len(readers) // 5)], "--count"]
            statements = json.loads(server.ask("bench.till_rows", *words, env=env))["statements"]
        with database.cloned(services.admin_url, services.template, name) as url:
            env = _environment(services, url, provider, simulator)
            shop = json.loads(server.ask("bench.till_rows", provider, *readers, env=env))
            with _staffed(services, env, threads=self._tills) as (web, waiting):
                order = Order(
                    provider,
                    shop["terminals"],
                    self._payments,
                    simulator,
                    key=shop["key"],
                    web_port=web,
                    waiting_port=waiting,
                )
                ours = _run(order)
                customers = min(self._payments, CALM_CUSTOMERS)
                calm = _run(dataclasses.replace(order, payments=customers, every_s=self._every_s))
        return _Measured(bare, ours, calm, statements)

    def note(self) -> str:
        """Say what was played."""
        return (
            f"{self._tills} tills for {self._minutes:g} virtual minutes: {self._payments} payments "
            f"each without a pause, then {CALM_CUSTOMERS} each, one every {self._every_s:g} s; "
            f"cards are held to the reader at once, and waits of ?wait=25 are ours"
        )


_SHOPS: dict[str, Callable[[Tills], _Measured]] = {
    "stripe": Tills.at_stripe,
    "cardconnect": Tills.at_cardconnect,
}


def _environment(
    services: server.Services, url: str, provider: str, simulator: str
) -> dict[str, str]:
    port = int(simulator.rpartition(":")[2])
    env = server.our_environment(url, services.redis_url, port)
    if provider == "cardconnect":
        # In production no test account is ever sent to another address than the gateway's.
        local = {"TILL_ENV": "development", "TILL_STATE_DIR": str(services.folder)}
        env |= {**local, "CARDCONNECT_MODE": "test", "CARDCONNECT_API_BASE": simulator}
    else:
        env |= {"STRIPE_SECRET_KEY": "sk_test_simulator0000000000000001"}
    return env


@contextlib.contextmanager
def _staffed(
    services: server.Services, env: dict[str, str], *, threads: int
) -> Iterator[tuple[int, int]]:
    """Run what the Procfile names: both servers, and a worker that waits at readers."""
    folder = services.folder
    waiting = processes.free_port()
    arguments = [
        *("-m", "granian", "config.asgi:application", "--interface", "asginl"),
        *("--host", "127.0.0.1", "--port", str(waiting)),
        *("--workers", "1", "--no-ws", "--log-level", "warning", "--workers-kill-timeout", "5"),
    ]
    with (
        server.served("tills-web", "config.wsgi", env=env, path="", folder=folder) as web,
        processes.running("tills-stream", arguments, env=env, folder=folder, port=waiting),
        _readers(env, folder, threads),
    ):
        yield web.port, waiting


@contextlib.contextmanager
def _readers(env: dict[str, str], folder: Path, threads: int) -> Iterator[None]:
    """Run the worker of the queue `readers`, with a thread for each till."""
    redis.Redis.from_url(env["REDIS_URL"]).delete("readers")
    log = folder / "logs" / "tills-readers.log"
    log.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "celery", "-A", "config.celery", "worker"),
        *("--queues", "readers", "--pool", "threads", "--concurrency", str(threads)),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    ]
    child = Child("readers", command, env={**os.environ, **env}, log=log)
    child.start()
    try:
        wait_until(lambda: " ready." in log.read_text(), what="The readers", seconds=_READY_S)
        yield
    finally:
        child.stop()
        time.sleep(0.1)


def _run(order: Order) -> Outcome:
    """Have the load work in a process of its own.

    Raises:
        BenchError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.till_load"],
        cwd=_ROOT,
        input=json.dumps(dataclasses.asdict(order)) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"The tills failed:\n{done.stderr[-3000:]}")
    return Outcome(**json.loads(done.stdout))


def _median(outcome: Outcome) -> float:
    return statistics.median(outcome.times_ms)


def _times(outcome: Outcome) -> str:
    times = sorted(outcome.times_ms)
    return f"{load.percentile(times, 0.5):.0f} / {load.percentile(times, 0.95):.0f} ms"
