"""The gateway's simulator, fresh for every test, with the platform's account on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.drivers.cardconnect import voiding
from billing.engine.rails import ChargeOrder
from billing.models import MerchantAccount
from billing.types import SaleOrder
from orgs import clock as business_clock
from orgs.models import Organization
from tests.billing.cardconnect import gateway_steps, reader_steps
from tests.billing.engine.engine_steps import Clock
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


@pytest.fixture(scope="package")
def running() -> Iterator[CardPointeSimulator]:
    """One process for all of these tests."""
    with CardPointeSimulator.start() as simulator:
        yield simulator


@pytest.fixture
def simulator(
    running: CardPointeSimulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> CardPointeSimulator:
    """A gateway that knows nothing yet, and ours pointing at it."""
    running.reset()
    running.settings(close_hour=None)  # at ten tests would end otherwise than at noon
    settings.CARDCONNECT_API_BASE = running.base_url
    settings.CARDCONNECT_MODE = "test"
    monkeypatch.setattr(voiding, "PAUSE_S", 0)
    return running


@pytest.fixture
def account(db: None, simulator: CardPointeSimulator) -> MerchantAccount:
    """The platform's own merchant account."""
    return gateway_steps.open_account()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The engine's time, which stands still until it is turned."""
    turned = Clock()
    monkeypatch.setattr(business_clock, "now", lambda *_: turned.now)
    return turned


@pytest.fixture
def counter(db: None, simulator: CardPointeSimulator) -> MerchantAccount:
    """The platform's own merchant account, with a reader at which everybody taps at once."""
    simulator.script(HSN, "approve", default=True)
    return reader_steps.open_counter()


@pytest.fixture
def renewal(
    account: MerchantAccount, simulator: CardPointeSimulator, org: Organization
) -> ChargeOrder:
    """A renewal whose charge settles only when the batches are closed."""
    simulator.settings(close_hour=None)
    return gateway_steps.order_for(org, gateway_steps.save(simulator, org).external_id)


@pytest.fixture
def charge_id(renewal: ChargeOrder) -> str:
    """A charge that went through and is not settled."""
    return gateway_steps.rail.charge(renewal).external_id


@pytest.fixture
def settled(simulator: CardPointeSimulator, charge_id: str) -> str:
    """A charge that is settled."""
    simulator.close_batches()
    return charge_id


@pytest.fixture
def order(org: Organization, counter: MerchantAccount) -> SaleOrder:
    """A basket of 49.00."""
    return reader_steps.sale_for(org, counter)
