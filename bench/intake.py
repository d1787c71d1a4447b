"""Intake: what accepting a webhook costs, beside the bare insert and beside the peer."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import database, server
from bench.processes import BenchError
from bench.server import Server, Services, Shot

CONNECTIONS = 8
OVERLOAD_CONNECTIONS = 32
OBJECTS = 50
_OUR_MOST = 5000  # deliveries per second that are kept ready
_PEER_MOST = 400
_COUNTED = 20


@dataclasses.dataclass(frozen=True)
class Contenders:
    """Everything that takes turns, running."""

    url: str
    ours: Server
    peer: Server
    slow_peer: Server
    statements: float
    peer_statements: float
    folder: Path

    def limit(self, seconds: float) -> float:
        """Return the bare inserts per second."""
        self._empty()
        rate = database.pgbench(self.url, seconds=seconds, folder=self.folder)
        self._empty()
        return rate

    def accept(self, run: str, seconds: float, connections: int = CONNECTIONS) -> Shot:
        """Have our application take deliveries.

        Raises:
            BenchError: an answer was not 200, or an accepted event is not stored.
        """
        shot = self.ours.fire(
            run=run,
            connections=connections,
            seconds=seconds,
            count=int(_OUR_MOST * seconds),
            objects=OBJECTS,
        )
        stored = database.execute(self.url, "SELECT count(*) FROM billing_inboxevent")[0][0]
        if stored != shot.outcome.answered or set(shot.outcome.statuses) != {"200"}:
            raise BenchError(f"Answers {shot.outcome.statuses}, but {stored} events stored.")
        self._empty()
        return shot

    def process(self, peer: Server, run: str, seconds: float) -> Shot:
        """Have a peer take deliveries.

        Raises:
            BenchError: an answer was not 200.
        """
        shot = peer.fire(
            run=run,
            connections=CONNECTIONS,
            seconds=seconds,
            count=int(_PEER_MOST * seconds),
            objects=OBJECTS,
        )
        if set(shot.outcome.statuses) != {"200"}:
            raise BenchError(f"The peer answered {shot.outcome.statuses}.")
        return shot

    def _empty(self) -> None:
        database.execute(self.url, "TRUNCATE billing_inboxevent")


@contextmanager
def contenders(services: Services, *, warm_ups: int) -> Iterator[Contenders]:
    """Start everything that takes part, warm, for the length of a block.

    Two warm-ups reach the threads that one may miss.
    """
    folder = services.folder
    with ExitStack() as stack:
        port = stack.enter_context(server.provider("provider", latency_ms=0, folder=folder))
        slow = stack.enter_context(server.provider("slow-provider", latency_ms=100, folder=folder))
        url, ours, statements = _ours(stack, services, port)
        peer, slow_peer, peer_statements = _peers(stack, services, port, slow)
        found = Contenders(url, ours, peer, slow_peer, statements, peer_statements, folder)
        for index in range(warm_ups):
            found.accept(f"warm{index}", 0.5)
            found.process(peer, f"warm{index}", 1.0)
            found.process(slow_peer, f"slow{index}", 1.0)
        yield found


def _ours(stack: ExitStack, services: Services, port: int) -> tuple[str, Server, float]:
    url = stack.enter_context(
        database.cloned(services.admin_url, services.template, "till_bench_intake")
    )
    env = server.our_environment(url, services.redis_url, port)
    statements = server.count_statements("config.wsgi", server.OUR_PATH, _COUNTED, env=env)
    database.execute(url, "TRUNCATE billing_inboxevent")
    ours = stack.enter_context(
        server.served("ours", "config.wsgi", env=env, path=server.OUR_PATH, folder=services.folder)
    )
    return url, ours, statements


def _peers(
    stack: ExitStack, services: Services, port: int, slow_port: int
) -> tuple[Server, Server, float]:
    """Start the peer twice over one database: its provider answers at once, or takes its time."""
    url = stack.enter_context(
        database.cloned(services.admin_url, services.template, "till_bench_peer")
    )
    env, slow_env = server.peer_environment(url, port), server.peer_environment(url, slow_port)
    path = server.ask("bench.peer.prepare", server.SECRET, env=env)
    statements = server.count_statements("bench.peer.wsgi", path, _COUNTED, env=env)
    peer, slow_peer = (
        stack.enter_context(
            server.served(name, "bench.peer.wsgi", env=each, path=path, folder=services.folder)
        )
        for name, each in (("peer", env), ("slow-peer", slow_env))
    )
    return peer, slow_peer, statements
