"""Convergence: how fast one worker process turns stored events into applied state."""

import dataclasses
import json

from bench import database, server
from bench.processes import BenchError

_FOUND = """
SELECT count(*) FILTER (WHERE state = 'done'), count(*),
       (SELECT count(*) FROM billing_subscription
            WHERE status = 'active' AND current_period_end > '2026-10-01'),
       (SELECT count(*) FROM billing_billingevent),
       (SELECT count(*) FROM billing_mirrortodo),
       mode() WITHIN GROUP (ORDER BY error) FILTER (WHERE error <> '')
FROM billing_inboxevent
"""


@dataclasses.dataclass(frozen=True)
class Drain:
    """What one drain came to; processor time and statements are per event."""

    handled: int
    seconds: float
    cpu_ms: float
    statements: float | None
    profile: str

    @property
    def per_second(self) -> float:
        """Return the events applied per second."""
        return self.handled / self.seconds


def drain(
    shape: str, *, objects: int, services: server.Services, provider_port: int, mode: str = ""
) -> Drain:
    """Store events in a fresh database and have one process drain them.

    Raises:
        BenchError: not everything was applied.
    """
    with database.cloned(services.admin_url, services.template, "till_bench_worker") as url:
        env = server.our_environment(url, services.redis_url, provider_port)
        arguments = [shape, str(objects), *([mode] if mode else [])]
        told = json.loads(server.ask("bench.worker", *arguments, env=env))
        done, events, active, lines, copies, error = database.execute(url, _FOUND)[0]
    stored, everybody = told.pop("stored"), told.pop("objects")
    if told["handled"] != stored or done != events or active != everybody or lines < everybody:
        raise BenchError(
            f"{shape}: {told['handled']} of {stored} events handled, {done} of {events} done, "
            f"{active} of {everybody} subscriptions active, {lines} lines on timelines. "
            f"The events say: {error or 'nothing'}"
        )
    if not copies:
        raise BenchError(f"{shape}: nothing was left for the mirror.")
    return Drain(**told)
