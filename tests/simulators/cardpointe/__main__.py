"""Start the simulator: `python -m tests.simulators.cardpointe --port 12112 --state-dir DIR`."""

import argparse

from tests.simulators import starting
from tests.simulators.cardpointe.app import Simulator


def _arguments() -> argparse.Namespace:
    parser = starting.parser("cardpointe", __doc__, port=12112)
    parser.add_argument("--seed", type=int, default=0, help="numbers, tokens and noise follow it")
    return parser.parse_args()


def _build(arguments: argparse.Namespace, public_url: str) -> Simulator:
    return Simulator(public_url=public_url, seed=arguments.seed, state_dir=arguments.state_dir)


def main() -> None:
    """Run until a signal ends it."""
    starting.run("cardpointe", _arguments(), _build)


if __name__ == "__main__":
    main()
