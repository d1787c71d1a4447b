"""Each provider's simulator in turn, for the scenarios over all drivers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.driver_steps import able
from tests.contract.sandboxes import SANDBOXES, Sandbox


@pytest.fixture(params=list(SANDBOXES), ids=str, scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Any]]:
    """Each provider's simulator in turn, with what it set."""
    chosen: dict[str, Any] = {}

    class Recorder:
        def __setattr__(self, name: str, value: object) -> None:
            chosen[name] = value

    with SANDBOXES[request.param].started(Recorder()) as sandbox:
        yield sandbox, chosen


@pytest.fixture
def sandbox(
    running: tuple[Sandbox, dict[str, Any]], settings: Any, request: pytest.FixtureRequest
) -> Sandbox:
    """The provider that a scenario runs on."""
    if not running[0].is_remote:
        request.getfixturevalue("db")
    for name, value in running[1].items():
        setattr(settings, name, value)
    return running[0]


@pytest.fixture
def subscribing(sandbox: Sandbox) -> Sandbox:
    """A provider that has subscriptions of its own."""
    return able(sandbox, "subscriptions")


@pytest.fixture
def collecting(subscribing: Sandbox) -> Sandbox:
    """A provider that charges what is due."""
    return able(subscribing, "automatic_collection")


@pytest.fixture
def remote(sandbox: Sandbox) -> Sandbox:
    """A provider whose payers and invoices are asked for over a network."""
    if not sandbox.is_remote:
        pytest.skip(f"{sandbox.provider} keeps its rows with us")
    return sandbox


@pytest.fixture
def signing(sandbox: Sandbox) -> Sandbox:
    """A provider that signs what it tells us."""
    return able(sandbox, "signed_webhooks")


@pytest.fixture
def saving(sandbox: Sandbox) -> Sandbox:
    """A provider that keeps what its payers can pay with."""
    return able(sandbox, "payment_methods")
