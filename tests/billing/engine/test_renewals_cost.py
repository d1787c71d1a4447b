"""What renewals cost, counted and not timed; and that a slow gateway holds up nobody else."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.engine.rails import ChargeOrder, ChargeResult
from billing.services import renewals
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import subscribe, use_driver
from tests.billing.engine.scripted_rail import ScriptedDriver, ScriptedRail

# Of one more renewal within a claim, BEGIN and COMMIT included: two transactions around the charge,
# and its share of the rows that are taken over together. The scripted gateway asks one itself.
MOST_EACH = 31
# Of a run besides: what is asked once for each claim.
MOST_A_RUN = 32
PATIENCE_S = 20.0


@pytest.mark.django_db
class TestStatements:
    def test_each_renewal_takes_a_bounded_number(
        self, driver: ScriptedDriver, clock: Clock
    ) -> None:
        few, many = _statements(driver, clock, 2), _statements(driver, clock, 8)

        each = (many - few) / 6
        assert each <= MOST_EACH
        assert few - 2 * each <= MOST_A_RUN

    def test_they_do_not_grow_with_the_months_behind(
        self, driver: ScriptedDriver, clock: Clock
    ) -> None:
        tenant = subscribe(driver, clock)
        found = []
        for _month in range(4):
            tenant.to_period_end()
            with CaptureQueriesContext(connection) as asked:
                assert tenant.run()["billed"] == 1
            found.append(len(asked))

        assert len(set(found[1:])) == 1


def _statements(driver: ScriptedDriver, clock: Clock, count: int) -> int:
    """Count what it takes to renew some subscriptions that are due at once."""
    tenants = [subscribe(driver, clock) for _ in range(count)]
    tenants[0].to_period_end()
    with CaptureQueriesContext(connection) as asked:
        ran = renewals.run_due(now=clock.now)
    assert ran["billed"] >= count
    return len(asked)


class SlowRail(ScriptedRail):
    """A gateway that answers nobody before two are asking at once."""

    def __init__(self) -> None:
        super().__init__()
        self.met = threading.Barrier(2)

    def charge(self, order: ChargeOrder) -> ChargeResult:
        if order.initiator == "merchant":
            self.met.wait(PATIENCE_S)
        return super().charge(order)


@pytest.fixture
def two_threads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Claims of one each, by two threads."""
    settings.RENEWAL_THREADS = 2
    monkeypatch.setattr(renewals, "BATCH", 1)
    yield
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_while_one_waits_for_its_gateway_another_is_charged(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    driver = ScriptedDriver(SlowRail())
    use_driver(monkeypatch, driver)
    tenants = [subscribe(driver, clock) for _ in range(4)]
    tenants[0].to_period_end()

    ran = renewals.run_due(now=clock.now)

    assert ran == Counter(billed=4)
    assert [tenant.attempts.count() for tenant in tenants] == [1, 1, 1, 1]
