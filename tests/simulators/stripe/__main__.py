"""Start the simulator: `python -m tests.simulators.stripe --port 12111 --state-dir DIR`."""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn

from tests.simulators.stripe.api import RequestContract
from tests.simulators.stripe.app import Simulator

_HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn, saying when it accepts, and stopping without waiting for anyone."""

    address = ""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us: uvicorn would raise them again and exit non-zero."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the socket, then say so."""
        await super().startup(sockets=sockets)
        sys.stdout.write(f"stripe simulator ready {self.address}\n")
        sys.stdout.flush()

    def stop(self) -> None:
        """End the server at the next tick of its loop."""
        self.should_exit = True
        self.force_exit = True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.simulators.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="0 picks a free one")
    parser.add_argument("--state-dir", type=pathlib.Path, help="without it all is in memory")
    parser.add_argument("--public-url", help="default: http://127.0.0.1:PORT")
    parser.add_argument("--webhook-url", help="an endpoint that gets every event")
    parser.add_argument("--webhook-secret", help="whsec_..., to sign for that endpoint")
    parser.add_argument("--spec", type=pathlib.Path, help="OpenAPI document to check calls against")
    arguments = parser.parse_args()
    if bool(arguments.webhook_url) != bool(arguments.webhook_secret):
        parser.error("--webhook-url and --webhook-secret come together")
    return arguments


def _contract(path: pathlib.Path | None) -> RequestContract | None:
    if path is None:
        return None
    from tests.contract.contract import Contract  # noqa: PLC0415 - only when it is asked for

    contract: RequestContract = Contract(json.loads(path.read_text(encoding="utf-8")))
    return contract


async def _serve(arguments: argparse.Namespace) -> None:
    # asyncio only switches Nagle off where the protocol is spelled out; with it a call takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_HOST, arguments.port))
    address = f"http://{_HOST}:{listener.getsockname()[1]}"
    simulator = Simulator(
        public_url=(arguments.public_url or address).rstrip("/"),
        state_dir=arguments.state_dir,
        contract=_contract(arguments.spec),
    )
    if arguments.webhook_url:
        simulator.use_endpoint(arguments.webhook_url, arguments.webhook_secret)
    config = uvicorn.Config(
        simulator,
        http="auto",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    server = _Server(config)
    server.address = address
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    background = asyncio.create_task(simulator.background())
    background.add_done_callback(lambda task: None if task.cancelled() else server.stop())
    try:
        await server.serve(sockets=[listener])
    finally:
        failed = background.done() and not background.cancelled() and background.exception()
        background.cancel()
        simulator.close()
    if failed:
        raise failed


def main() -> None:
    """Run until a signal ends it."""
    asyncio.run(_serve(_arguments()))
    # The state is written; taking a large world apart object by object would only delay the end.
    os._exit(0)


if __name__ == "__main__":
    main()
