"""The programs of a whole system: what the demo, development and the tests' stack start."""

import http.client
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from config.processes import Child

HEARTBEAT_KEY = "till:worker:heartbeat"  # what config/tasks.py writes
# Set by tools that watch the starting process; its children are none of their business.
_NOT_INHERITED = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True, kw_only=True)
class System:
    """Where the parts of one system listen and keep what they write."""

    port: int
    simulator_port: int
    cardpointe_port: int
    state_dir: Path
    database_url: str
    redis_url: str
    webhook_secret: str
    more_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Where the application answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def stripe_simulator(self) -> str:
        """Where the local Stripe answers."""
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def cardpointe_simulator(self) -> str:
        """Where the local CardPointe answers."""
        return f"http://127.0.0.1:{self.cardpointe_port}"

    @property
    def webhook_url(self) -> str:
        """Where the local Stripe sends its events."""
        return f"{self.base_url}/api/v1/billing/webhooks/stripe"

    @property
    def mail_dir(self) -> Path:
        """Where sent mails become files."""
        return self.state_dir / "mail"

    def log(self, name: str) -> Path:
        """Return the log file of a child."""
        return self.state_dir / "logs" / f"{name}.log"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of every child."""
        inherited = {
            name: value for name, value in os.environ.items() if name not in _NOT_INHERITED
        }
        return {
            **inherited,
            "CELERY_SKIP_CHECKS": "1",  # `manage.py` has made them
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
            "TILL_ENV": "development",
            "TILL_STATE_DIR": str(self.state_dir),
            "PORT": str(self.port),
            "PUBLIC_URL": self.base_url,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "STRIPE_API_BASE": self.stripe_simulator,
            "STRIPE_JS_URL": f"{self.stripe_simulator}/dahlia/stripe.js",
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "CARDCONNECT_MODE": "test",
            "CARDCONNECT_API_BASE": self.cardpointe_simulator,
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(self.mail_dir),
            **self.more_environment,
            **more,
        }

    def simulator(self) -> Child:
        """Return the local Stripe."""
        command = [
            *(sys.executable, "-m", "tests.simulators.stripe"),
            *("--port", str(self.simulator_port)),
            *("--state-dir", str(self.state_dir / "stripe")),
            *("--public-url", self.stripe_simulator),
            *("--webhook-url", self.webhook_url),
            *("--webhook-secret", self.webhook_secret),
        ]
        return self._child("simulator", command)

    def cardpointe(self) -> Child:
        """Return the local CardPointe."""
        command = [
            *(sys.executable, "-m", "tests.simulators.cardpointe"),
            *("--port", str(self.cardpointe_port)),
            *("--state-dir", str(self.state_dir / "cardpointe")),
            *("--public-url", self.cardpointe_simulator),
        ]
        return self._child("cardpointe", command)

    def web(self, interface: str = "asgi", *, threads: int = 2) -> Child:
        """Return the application's server: one process, `asgi` (streams too) or `wsgi`."""
        command = [
            *(sys.executable, "-m", "granian", f"config.{interface}:application"),
            # Django has no lifespan protocol: `nl` does without.
            *("--interface", {"asgi": "asginl"}.get(interface, interface)),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--workers", "1", "--no-ws", "--workers-kill-timeout", "5", "--log-level", "warning"),
        ]
        if interface == "wsgi":
            command += ["--blocking-threads", str(threads)]
        return self._child("web", command)

    def development_web(self) -> Child:
        """Return Django's own server, which loads changed code again."""
        command = [sys.executable, "manage.py", "runserver", f"127.0.0.1:{self.port}"]
        return self._child("web", command, DEBUG="1")

    def worker(self, *, concurrency: int = 2) -> Child:
        """Return a Celery worker that takes jobs from every queue but that of the readers."""
        command = [
            *(sys.executable, "-m", "celery", "-A", "config.celery", "worker"),
            *("--queues", "till,mirror,billing-retry", "--concurrency", str(concurrency)),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ]
        return self._child("worker", command)

    def readers(self, *, concurrency: int = 16) -> Child:
        """Return a Celery worker whose threads wait at readers, for minutes each."""
        command = [
            *(sys.executable, "-m", "celery", "-A", "config.celery", "worker"),
            *("--queues", "readers", "--pool", "threads", "--concurrency", str(concurrency)),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ]
        return self._child("readers", command)

    def beat(self) -> Child:
        """Return Celery's clock."""
        command = [sys.executable, "-m", "celery", "-A", "config.celery", "beat"]
        return self._child("beat", [*command, "--loglevel", "INFO"])

    def manage(self, name: str, *arguments: str, log: str = "prepare") -> Child:
        """Return a management command."""
        return self._child(log, [sys.executable, "manage.py", name, *arguments])

    def _child(self, name: str, command: list[str], **environment: str) -> Child:
        return Child(name, command, env=self.environment(**environment), log=self.log(name))

    # --- Answers ----------------------------------------------------------------------------------

    def simulator_answers(self) -> bool:
        """Say whether the local Stripe serves."""
        return _answers(self.simulator_port, "/_sim/requests")

    def cardpointe_answers(self) -> bool:
        """Say whether the local CardPointe serves."""
        return _answers(self.cardpointe_port, "/_sim/clock")

    def web_lives(self) -> bool:
        """Say whether the application's server serves."""
        return _answers(self.port, "/healthz")

    def web_answers(self) -> bool:
        """Say whether the application can do its work."""
        return _answers(self.port, "/readyz")

    def worker_answers(self) -> bool:
        """Say whether a worker has finished a job since `forget_worker`."""
        with redis.Redis.from_url(self.redis_url) as connection:
            return bool(connection.exists(HEARTBEAT_KEY))

    def forget_worker(self) -> None:
        """Forget the sign of life of an earlier worker."""
        with redis.Redis.from_url(self.redis_url) as connection:
            connection.delete(HEARTBEAT_KEY)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
