"""Serving a simulator on loopback: it says when it accepts, and stops without waiting."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

_HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn, saying when it accepts, and stopping without waiting for anyone."""

    ready = ""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us: uvicorn would raise them again and exit non-zero."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the socket, then say so."""
        await super().startup(sockets=sockets)
        sys.stdout.write(f"{self.ready}\n")
        sys.stdout.flush()

    def stop(self) -> None:
        """End the server at the next tick of its loop."""
        self.should_exit = True
        self.force_exit = True


def listen(port: int) -> tuple[socket.socket, str]:
    """Open a port on loopback (0 picks a free one); return it and its address."""
    # asyncio only switches Nagle off where the protocol is spelled out; with it a call takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_HOST, port))
    return listener, f"http://{_HOST}:{listener.getsockname()[1]}"


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of connections that were cut because a test wanted it."""
    return "without starting response" not in str(record.msg)


async def serve(
    application: ASGIApp,
    listener: socket.socket,
    *,
    ready: str,
    background: Callable[[], Awaitable[None]],
    close: Callable[[], None],
) -> None:
    """Serve until a signal comes or the background work fails."""
    config = uvicorn.Config(
        application,
        http="auto",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    server = _Server(config)  # which sets logging up
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
    server.ready = ready
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    work = asyncio.ensure_future(background())
    work.add_done_callback(lambda task: None if task.cancelled() else server.stop())
    try:
        await server.serve(sockets=[listener])
    finally:
        failed = work.exception() if work.done() and not work.cancelled() else None
        work.cancel()
        close()
    if failed:
        raise failed
