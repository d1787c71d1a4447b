"""Start the simulator: `python -m tests.simulators.stripe --port 12111 --state-dir DIR`."""

import argparse
import asyncio
import json
import os
import pathlib

from tests.simulators import serving
from tests.simulators.stripe.api import RequestContract
from tests.simulators.stripe.app import Simulator


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
    listener, address = serving.listen(arguments.port)
    simulator = Simulator(
        public_url=(arguments.public_url or address).rstrip("/"),
        state_dir=arguments.state_dir,
        contract=_contract(arguments.spec),
    )
    if arguments.webhook_url:
        simulator.use_endpoint(arguments.webhook_url, arguments.webhook_secret)
    await serving.serve(
        simulator,
        listener,
        ready=f"stripe simulator ready {address}",
        background=simulator.background,
        close=simulator.close,
    )


def main() -> None:
    """Run until a signal ends it."""
    asyncio.run(_serve(_arguments()))
    # The state is written; taking a large world apart object by object would only delay the end.
    os._exit(0)


if __name__ == "__main__":
    main()
