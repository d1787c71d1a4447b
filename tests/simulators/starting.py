"""Running a simulator from the command line: its options, its port, its end."""

import argparse
import asyncio
import os
import pathlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from tests.simulators import serving


class Simulator(Protocol):
    """An ASGI application with work of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""

    def background(self) -> Awaitable[None]:
        """Work until cancelled."""

    def close(self) -> None:
        """Let go of everything."""


def parser(name: str, description: str | None, *, port: int) -> argparse.ArgumentParser:
    """Return a parser with the options that every simulator has."""
    made = argparse.ArgumentParser(prog=f"tests.simulators.{name}", description=description)
    made.add_argument("--port", type=int, default=port, help="0 picks a free one")
    made.add_argument("--state-dir", type=pathlib.Path, help="without it all is in memory")
    made.add_argument("--public-url", help="default: http://127.0.0.1:PORT")
    return made


def run(
    name: str, arguments: argparse.Namespace, build: Callable[[argparse.Namespace, str], Simulator]
) -> None:
    """Run until a signal ends it. `build` gets the arguments and the public address."""
    asyncio.run(_serve(name, arguments, build))
    # The state is written; taking a large world apart object by object would only delay the end.
    os._exit(0)


async def _serve(
    name: str, arguments: argparse.Namespace, build: Callable[[argparse.Namespace, str], Simulator]
) -> None:
    listener, address = serving.listen(arguments.port)
    simulator = build(arguments, (arguments.public_url or address).rstrip("/"))
    await serving.serve(
        simulator,
        listener,
        ready=f"{name} simulator ready {address}",
        background=simulator.background,
        close=simulator.close,
    )
