"""Until when a request may leave, whatever its connection waits for."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.drivers.cardconnect import connections
from orgs import clock


@pytest.fixture
def crowded() -> Iterator[str]:
    """A host that lets nobody in: its queue is full, and nobody takes from it."""
    with socket.socket() as host:
        host.bind(("127.0.0.1", 0))
        host.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(host.getsockname())
        yield f"http://127.0.0.1:{host.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_what_may_leave_soon_waits_no_longer_for_its_connection(crowded: str) -> None:
    began = time.monotonic()

    with pytest.raises(connections.NotSent):
        connections.exchange(
            "gateway",
            "PUT",
            f"{crowded}/auth",
            read_timeout_s=1.0,
            leave_by=clock.now() + timedelta(seconds=1),
        )

    assert time.monotonic() - began < connections.CONNECT_TIMEOUT_S / 2


def test_what_is_too_late_does_not_leave(crowded: str) -> None:
    with pytest.raises(connections.NotSent, match="too_late"):
        connections.exchange(
            "gateway",
            "PUT",
            f"{crowded}/auth",
            read_timeout_s=1.0,
            leave_by=clock.now() - timedelta(seconds=1),
        )
