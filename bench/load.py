"""The load: one process, few connections kept alive, every request ready before the clock starts.

It reads an `Order` as JSON from standard input, prepares and signs the deliveries, says `ready`,
waits for a line, fires, and answers with an `Outcome` as JSON. The events are about `objects`
different subscriptions in turn.
"""

import dataclasses
import json
import select
import socket
import sys
import time
from collections import Counter, deque

from bench import events

_RECEIVE_BYTES = 65_536
_ROOM_S = 60.0
_CUT_OFF = 599


@dataclasses.dataclass(frozen=True)
class Order:
    """What to send. `run` makes the ids of the events different from every other order's."""

    port: int
    path: str
    run: str
    secret: str
    connections: int
    count: int
    objects: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of it: answers by status, times in milliseconds."""

    seconds: float
    answered: int
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    load_cpu_share: float

    @property
    def per_second(self) -> float:
        """Return the accepted deliveries per second."""
        return self.statuses.get("200", 0) / self.seconds


def requests(order: Order) -> deque[bytes]:
    """Return the deliveries as they go over the wire."""
    ready: deque[bytes] = deque()
    for index in range(order.count):
        number = 1 + index % order.objects
        body = events.body(f"evt_{order.run}_{index}", events.UPDATED, number)
        head = (
            f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {events.signature(body, order.secret)}\r\n\r\n"
        )
        ready.append(head.encode() + body)
    return ready


class _Line:
    """One connection: a request is out, its answer is being gathered."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_ROOM_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.answer = b""

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int:
        """Read what is there; return the status once the answer is whole, else 0."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            return _CUT_OFF
        self.answer += data
        head, gap, body = self.answer.partition(b"\r\n\r\n")
        if not gap:
            return 0
        status = int(head[9:12])
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at < 0:
            return status if body.endswith(b"0\r\n\r\n") else 0
        wanted = int(lower[at + 15 :].split(b"\r\n", 1)[0])
        return status if len(body) >= wanted else 0


class _Volley:
    """Deliveries over several connections, each kept busy."""

    def __init__(self, order: Order, ready: deque[bytes]) -> None:
        self._ready = ready
        self._lines = [_Line(order.port) for _ in range(order.connections)]
        self._seconds = order.seconds
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []

    def run(self) -> None:
        """Fire until the deliveries or the seconds run out, then wait for the last answers."""
        last_start = time.perf_counter() + self._seconds
        busy: dict[int, _Line] = {}
        poll = select.epoll()
        for line in self._lines[: len(self._ready)]:
            busy[line.socket.fileno()] = line
            poll.register(line.socket.fileno(), select.EPOLLIN)
            line.send(self._ready.popleft())
        while busy:
            arrived = poll.poll(_ROOM_S)
            if not arrived:
                self.statuses["no answer"] += len(busy)
                break
            for number, _ in arrived:
                if self._goes_on(busy[number], last_start):
                    continue
                poll.unregister(number)
                busy.pop(number).socket.close()

    def _goes_on(self, line: _Line, last_start: float) -> bool:
        status = line.receive()
        if not status:
            return True
        moment = time.perf_counter()
        self.times.append(moment - line.sent_at)
        self.statuses[str(status)] += 1
        if status == _CUT_OFF or not self._ready or moment > last_start:
            return False
        line.send(self._ready.popleft())
        return True


def fire(order: Order, ready: deque[bytes]) -> Outcome:
    """Fire the deliveries and sum up what came of them."""
    volley = _Volley(order, ready)
    cpu = time.process_time()
    started = time.perf_counter()
    volley.run()
    seconds = time.perf_counter() - started
    times = sorted(volley.times)
    return Outcome(
        seconds=seconds,
        answered=len(times),
        statuses=dict(volley.statuses),
        p50_ms=percentile(times, 0.50) * 1000,
        p99_ms=percentile(times, 0.99) * 1000,
        load_cpu_share=(time.process_time() - cpu) / seconds,
    )


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which this share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main() -> None:
    """Serve one order."""
    order = Order(**json.loads(sys.stdin.readline()))
    ready = requests(order)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(dataclasses.asdict(fire(order, ready))) + "\n")


if __name__ == "__main__":
    main()
