"""Start the simulator: `python -m tests.simulators.cardpointe --port 12112 --state-dir DIR`."""

import argparse
import asyncio
import os
import pathlib

from tests.simulators import serving
from tests.simulators.cardpointe.app import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.simulators.cardpointe", description=__doc__)
    parser.add_argument("--port", type=int, default=12112, help="0 picks a free one")
    parser.add_argument("--state-dir", type=pathlib.Path, help="without it all is in memory")
    parser.add_argument("--public-url", help="default: http://127.0.0.1:PORT")
    parser.add_argument("--seed", type=int, default=0, help="numbers, tokens and noise follow it")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    listener, address = serving.listen(arguments.port)
    simulator = Simulator(
        public_url=(arguments.public_url or address).rstrip("/"),
        seed=arguments.seed,
        state_dir=arguments.state_dir,
    )
    await serving.serve(
        simulator,
        listener,
        ready=f"cardpointe simulator ready {address}",
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
