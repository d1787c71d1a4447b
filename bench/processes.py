"""The processes a benchmark runs beside itself, and what they cost."""

import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config import processes

READY_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(RuntimeError):
    """Something a benchmark needs did not come up, or did not do what it should."""


@contextmanager
def running(
    name: str, arguments: Iterable[str], *, env: Mapping[str, str], folder: Path, port: int
) -> Iterator[processes.Child]:
    """Run `python <arguments>` for the length of a block, which is entered once it listens.

    Raises:
        ChildEndedError: it ended.
        NotReadyError: it did not listen in time.
    """
    command = [sys.executable, *arguments]
    child = processes.Child(
        name, command, env={**os.environ, **env}, log=folder / "logs" / f"{name}.log"
    )
    try:
        child.start()
        processes.wait_until(lambda: _listens(port), what=name, seconds=READY_S, children=[child])
        yield child
    finally:
        child.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port of the loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """Return a process and its descendants (Linux; elsewhere the process alone)."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(word) for word in children.read_text().split())
            except OSError:
                continue
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time these processes have used; nothing for one that has ended."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total
