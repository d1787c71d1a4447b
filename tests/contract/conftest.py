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
def sandbox(running: tuple[Sandbox, dict[str, Any]], settings: Any) -> Sandbox:
    """The provider that a scenario runs on."""
    for name, value in running[1].items():
        setattr(settings, name, value)
    return running[0]


@pytest.fixture
def subscribing(sandbox: Sandbox) -> Sandbox:
    """A provider that has subscriptions of its own."""
    return able(sandbox, "subscriptions")


@pytest.fixture
def signing(sandbox: Sandbox) -> Sandbox:
    """A provider that signs what it tells us."""
    return able(sandbox, "signed_webhooks")


@pytest.fixture
def saving(sandbox: Sandbox) -> Sandbox:
    """A provider that keeps what its payers can pay with."""
    return able(sandbox, "payment_methods")
