"""Several workers at once: each due subscription is charged by one of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from billing.services import renewals
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, subscribe, use_driver
from tests.billing.engine.scripted_rail import ScriptedDriver

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, TENANTS = 3, 12


def test_workers_share_what_is_due_and_nobody_is_charged_twice(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = ScriptedDriver()
    use_driver(monkeypatch, driver)
    monkeypatch.setattr(renewals, "BATCH", 2)
    tenants = [subscribe(driver, clock) for _ in range(TENANTS)]
    tenants[0].to_period_end()
    together = Barrier(WORKERS)

    def work(_number: int) -> Counter[str]:
        try:
            together.wait(timeout=30)
            return renewals.run_due(now=clock.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        ran = sum(pool.map(work, range(WORKERS)), Counter[str]())

    assert ran == {"billed": TENANTS}
    assert all(_is_charged_once(tenant) for tenant in tenants)
    assert len({order.reference for order in driver.gateway.orders}) == 2 * TENANTS
    assert len(driver.gateway.orders) == 2 * TENANTS  # a start and a renewal each


def _is_charged_once(tenant: Tenant) -> bool:
    row = tenant.seen()
    is_new = row.status == "active" and row.current_period_start == tenant.now
    return is_new and tenant.attempts.count() == 1 and len(tenant.invoices) == 2
