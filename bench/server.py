"""The servers under load: ours and the peer's, under the web server that the Procfile names."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import database, load, processes
from bench.processes import BenchError
from config.processes import Child

WORKERS = 2
THREADS = 2
SECRET = "whsec_bench"
API_KEY = "sk_test_benchbenchbenchbenchbench"
API_VERSION = "2026-08-26.dahlia"
OUR_PATH = "/api/v1/billing/webhooks/stripe"


@dataclasses.dataclass(frozen=True)
class Services:
    """What a run is made on: the server's URLs, the migrated template, where files go."""

    admin_url: str
    redis_url: str
    template: str
    folder: Path


@dataclasses.dataclass(frozen=True)
class Shot:
    """What one load came to; processor time in milliseconds per accepted delivery."""

    outcome: load.Outcome
    server_cpu_ms: float
    database_cpu_ms: float


@dataclasses.dataclass(frozen=True)
class Server:
    """One running application that takes deliveries at `path`, over the database at `url`."""

    path: str
    url: str
    port: int
    child: Child

    def fire(self, *, run: str, connections: int, seconds: float, count: int, objects: int) -> Shot:
        """Fire a load from a process of its own.

        Raises:
            BenchError: it ended without an outcome.
        """
        order = load.Order(
            port=self.port,
            path=self.path,
            run=run,
            secret=SECRET,
            connections=connections,
            count=count,
            objects=objects,
            seconds=seconds,
        )
        with _load_process() as child:
            _say(child, json.dumps(dataclasses.asdict(order)))
            _hear(child)
            before = self._cpu()
            _say(child, "go")
            outcome = load.Outcome(**json.loads(_hear(child)))
            after = self._cpu()
        accepted = max(1, outcome.statuses.get("200", 0))
        server, base = (1000 * (b - a) / accepted for a, b in zip(before, after, strict=True))
        return Shot(outcome, server, base)

    def _cpu(self) -> tuple[float, float]:
        server = processes.cpu_seconds(processes.tree(self.child.pid))
        return server, processes.cpu_seconds(database.backends(self.url))


@contextmanager
def _load_process() -> Iterator["subprocess.Popen[str]"]:
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()  # it has nothing left to do


def _say(child: "subprocess.Popen[str]", line: str) -> None:
    if child.stdin is None:
        raise BenchError("The load does not listen.")
    child.stdin.write(f"{line}\n")
    child.stdin.flush()


def _hear(child: "subprocess.Popen[str]") -> str:
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise BenchError("The load ended without an outcome.")
    return line


def our_environment(url: str, redis_url: str, provider_port: int) -> dict[str, str]:
    """Return production's settings, but for the proxy in front that speaks TLS."""
    return {
        "TILL_ENV": "production",
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "bench-secret-key-that-signs-nothing-of-worth-at-all",
        "TILL_ENCRYPTION_KEYS": "ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE=",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": "https://till.example",
        "SECURE_SSL_REDIRECT": "0",
        "STRIPE_SECRET_KEY": API_KEY,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_benchbenchbenchbenchbench",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": f"http://127.0.0.1:{provider_port}",
        "STRIPE_API_VERSION": API_VERSION,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def peer_environment(url: str, provider_port: int) -> dict[str, str]:
    """Return what the peer's project reads."""
    return {
        "DATABASE_URL": url,
        "STRIPE_SECRET_KEY": API_KEY,
        "STRIPE_API_BASE": f"http://127.0.0.1:{provider_port}",
        "STRIPE_API_VERSION": API_VERSION,
        "DJANGO_SETTINGS_MODULE": "bench.peer.settings",
    }


@contextmanager
def served(
    name: str, module: str, *, env: Mapping[str, str], path: str, folder: Path
) -> Iterator[Server]:
    """Run an application under granian for the length of a block."""
    port = processes.free_port()
    arguments = [
        *("-m", "granian", f"{module}:application", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
        *("--no-ws", "--log-level", "warning", "--workers-kill-timeout", "5"),
    ]
    with processes.running(name, arguments, env=env, folder=folder, port=port) as child:
        yield Server(path, env["DATABASE_URL"], port, child)


@contextmanager
def provider(name: str, *, latency_ms: float, folder: Path) -> Iterator[int]:
    """Run the provider's stand-in for the length of a block; yield its port."""
    port = processes.free_port()
    arguments = ["-m", "bench.provider", str(port), str(latency_ms)]
    with processes.running(name, arguments, env={}, folder=folder, port=port):
        yield port


def ask(module: str, *arguments: str, env: Mapping[str, str]) -> str:
    """Run `python -m <module>` to its end; return what it printed.

    Raises:
        BenchError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{module} failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def count_statements(module: str, path: str, count: int, *, env: Mapping[str, str]) -> float:
    """Return the statements an application sends per accepted delivery."""
    told = json.loads(ask("bench.statements", module, path, str(count), env=env))
    return float(told["statements"])
