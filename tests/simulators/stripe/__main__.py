"""Start the simulator: `python -m tests.simulators.stripe --port 12111 --state-dir DIR`."""

import argparse
import json
import pathlib

from tests.simulators import starting
from tests.simulators.stripe.api import RequestContract
from tests.simulators.stripe.app import Simulator


def _arguments() -> argparse.Namespace:
    parser = starting.parser("stripe", __doc__, port=12111)
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


def _build(arguments: argparse.Namespace, public_url: str) -> Simulator:
    simulator = Simulator(
        public_url=public_url,
        state_dir=arguments.state_dir,
        contract=_contract(arguments.spec),
    )
    if arguments.webhook_url:
        simulator.use_endpoint(arguments.webhook_url, arguments.webhook_secret)
    return simulator


def main() -> None:
    """Run until a signal ends it."""
    starting.run("stripe", _arguments(), _build)


if __name__ == "__main__":
    main()
