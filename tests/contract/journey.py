"""One long journey over every endpoint of the simulator, with the SDK, everything noted down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.contract import journey_billing, journey_payments, journey_terminal
from tests.simulators.stripe import API_VERSION, Json
from tests.simulators.stripe.client import SECRET_KEY, StripeSimulator


@dataclass
class Answer:
    """What came back for one request."""

    method: str
    path: str
    status: int
    body: Json


@dataclass
class Traveller:
    """The SDK and the simulator, and what passed between them."""

    simulator: StripeSimulator
    v1: Any
    answers: list[Answer] = field(default_factory=list)

    def refused(self, kind: type[stripe.StripeError], call: Any, *arguments: Any) -> Any:
        """Make a call that has to be refused; return the refusal."""
        try:
            call(*arguments)
        except kind as error:
            return error
        raise AssertionError(f"{call} was not refused")


class _Noting(stripe.HTTPClient):
    """The SDK's usual HTTP client, noting what it is answered."""

    name = "noting"

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__()
        self.answers = answers
        self.inner: Any = stripe.RequestsClient()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send a request and keep the answer."""
        content, status, answered = self.inner.request(method, url, headers, post_data)
        path = urlsplit(url).path
        self.answers.append(Answer(method.upper(), path, status, json.loads(content)))
        return content, status, answered

    def close(self) -> None:
        """Close the connections."""
        self.inner.close()


def travel(simulator: StripeSimulator) -> Traveller:
    """Go the whole way once."""
    answers: list[Answer] = []
    client = stripe.StripeClient(
        SECRET_KEY,
        stripe_version=API_VERSION,
        base_addresses={"api": simulator.base_url},
        max_network_retries=0,
        http_client=_Noting(answers),
    )
    traveller = Traveller(simulator, client.v1, answers)
    journey_payments.go(traveller)
    journey_terminal.go(traveller)
    journey_billing.go(traveller)
    return traveller
