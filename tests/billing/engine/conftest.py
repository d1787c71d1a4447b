"""Shops over the engine: one whose gateway is scripted, one that sends invoices."""

import pytest

from billing.drivers.custom.driver import CustomDriver
from orgs import clock as orgs_clock
from tests.billing.engine.engine_steps import Clock, Shop, open_shop
from tests.billing.engine.renewal_steps import Tenant, subscribe, use_driver
from tests.billing.engine.scripted_rail import ScriptedDriver


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The business clock of everybody."""
    ours = Clock()
    monkeypatch.setattr(orgs_clock, "now", lambda _=None: ours.now)
    return ours


@pytest.fixture
def shop(db: None, clock: Clock) -> Shop:
    """A payer with a card at a scripted gateway."""
    return open_shop(ScriptedDriver(), clock)


@pytest.fixture
def by_hand(db: None, clock: Clock) -> Shop:
    """A payer who gets invoices."""
    return open_shop(CustomDriver(), clock)


@pytest.fixture
def driver(db: None, monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    """A scripted gateway, where services look for drivers."""
    found = ScriptedDriver()
    use_driver(monkeypatch, found)
    return found


@pytest.fixture
def tenant(driver: ScriptedDriver, clock: Clock) -> Tenant:
    """An organization that the scripted gateway charges each month."""
    return subscribe(driver, clock)
