"""Counting what one delivery sends to the database, on the wire: nothing can hide from it.

Runs an application in this process and lets libpq write down every message of its connection, the
health check, BEGIN and COMMIT included. Run as `python -m bench.statements MODULE PATH COUNT`.
"""

import importlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from bench import events

_SENT = ("Query", "Execute")
_WARM_UP = 3
SECRET = "whsec_bench"


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Count the statements Django's connection sends from here on; yields the counter."""
    from django.db import connection

    connection.ensure_connection()
    with tempfile.TemporaryFile() as file:
        connection.connection.pgconn.trace(file.fileno())
        try:
            yield lambda: _count(file)
        finally:
            connection.connection.pgconn.untrace()


def _count(file: IO[bytes]) -> int:
    file.seek(0)
    lines = file.read().decode(errors="replace").splitlines()
    messages = (line.split("\t") for line in lines)
    return sum(1 for fields in messages if fields[1:2] == ["F"] and fields[3] in _SENT)


def environ(path: str, body: bytes) -> dict[str, Any]:
    """Return one signed delivery as a WSGI server hands it over."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_STRIPE_SIGNATURE": events.signature(body, SECRET),
        "CONTENT_TYPE": "application/json; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def deliver(application: Any, path: str, event_id: str) -> None:
    """Hand one delivery to the application, to the end.

    Raises:
        RuntimeError: it was not accepted.
    """
    answered: list[str] = []
    body = events.body(event_id, events.UPDATED, 1)
    chunks: Iterable[bytes] = application(
        environ(path, body), lambda status, _: answered.append(status)
    )
    list(chunks)
    close = getattr(chunks, "close", None)
    if close:
        close()
    if not answered or not answered[0].startswith("200"):
        raise RuntimeError(f"{path} answered {answered}")


def main(module: str, path: str, count: int) -> None:
    """Print the statements per accepted delivery, and the milliseconds one takes in-process."""
    application = importlib.import_module(module).application
    run = f"count{time.time_ns()}"
    for index in range(_WARM_UP):
        deliver(application, path, f"evt_{run}_w{index}")
    with traced() as counted:
        for index in range(count):
            deliver(application, path, f"evt_{run}_{index}")
        total = counted()
    sys.stdout.write(json.dumps({"statements": total / count}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
