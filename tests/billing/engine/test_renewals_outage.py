"""A provider that does not answer costs nobody anything: no try, no grace, no access."""

from datetime import timedelta

import pytest

from billing.drivers.base import DriverError, DriverRejected, DriverUnavailable
from billing.engine.rails import ChargeOrder, ChargeResult
from billing.enums import AccessLevel, AttemptState
from billing.services import circuits
from billing.services.circuits import Account
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, subscribe
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST, ScriptedDriver, ScriptedRail

pytestmark = pytest.mark.django_db

PLATFORM = Account("cardconnect")


class BrokenRail(ScriptedRail):
    """A gateway that fails every call in the same way until it is mended."""

    trouble: DriverError | None = None

    def charge(self, order: ChargeOrder) -> ChargeResult:
        if self.trouble is not None:
            self.answers = [self.trouble]
        return super().charge(order)


@pytest.fixture
def rail(driver: ScriptedDriver) -> BrokenRail:
    driver.gateway = BrokenRail(loses_requests=True)
    return driver.gateway


@pytest.fixture
def tenants(driver: ScriptedDriver, rail: BrokenRail, clock: Clock) -> list[Tenant]:
    return [subscribe(driver, clock) for _ in range(2)]


def pass_hours(tenant: Tenant, hours: int, step: int = 3) -> None:
    for _step in range(0, hours, step):
        tenant.run(hours=step)


def break_down(rail: BrokenRail, how: DriverError) -> None:
    """Let the gateway fail, also when it is asked what became of a charge."""
    rail.trouble, rail.can_say = how, False


def mend(rail: BrokenRail) -> None:
    rail.trouble, rail.can_say = None, True


class TestAnOutageOfTwoDays:
    @pytest.mark.parametrize("how", [DOWN, LOST], ids=["refused", "no answer"])
    def test_nobody_is_restricted_and_no_try_is_wasted(
        self, tenants: list[Tenant], rail: BrokenRail, how: DriverError
    ) -> None:
        first = tenants[0]
        first.to_period_end()
        break_down(rail, how)
        calls_before = len(rail.orders)

        for _look in range(10):
            first.run(minutes=5)
        assert circuits.is_open(PLATFORM)
        pass_hours(first, 48)

        assert {tenant.status for tenant in tenants} == {"active"}
        assert {tenant.may() for tenant in tenants} == {AccessLevel.FULL}
        assert [fact for tenant in tenants for fact in tenant.facts] == []
        assert not any(tenant.attempts.filter(state=AttemptState.FAILED) for tenant in tenants)
        assert len(rail.orders) - calls_before <= 5 + 10 + 16  # then a probe each time we looked
        mend(rail)
        pass_hours(first, 3, 1)

        assert not circuits.is_open(PLATFORM)
        assert {tenant.invoices[-1].status for tenant in tenants} == {"paid"}
        assert [len(tenant.invoices) for tenant in tenants] == [2] * 2
        assert all(
            tenant.attempts.filter(state=AttemptState.SUCCEEDED).count() == 1 for tenant in tenants
        )

    def test_the_grace_of_who_owes_already_stands_still(
        self, tenants: list[Tenant], rail: BrokenRail
    ) -> None:
        debtor, others = tenants[0], tenants[1:]
        failed_at = debtor.to_period_end()
        rail.answers = [DECLINED] * 2
        debtor.run()
        assert {tenant.may() for tenant in tenants} == {AccessLevel.GRACE}
        pass_hours(debtor, 12, 6)
        break_down(rail, DOWN)
        pass_hours(debtor, 24 * 7, 6)  # grace would be over by now

        assert {tenant.may() for tenant in others} == {AccessLevel.GRACE}
        assert {tenant.dunning.declines for tenant in tenants} == {1}
        mend(rail)
        rail.answers = [DECLINED] * 100
        pass_hours(debtor, 24 * 5, 6)
        assert debtor.may() is AccessLevel.GRACE
        pass_hours(debtor, 24 * 3, 6)
        assert debtor.may() is AccessLevel.RESTRICTED
        lost = debtor.seen().grace_extension
        assert lost == timedelta(days=6, hours=18)
        ends = failed_at + timedelta(days=7) + lost
        debtor.organization.refresh_from_db()
        assert debtor.organization.access_since == ends

    def test_whose_grace_was_over_before_stays_restricted(
        self, tenants: list[Tenant], rail: BrokenRail
    ) -> None:
        debtor = tenants[0]
        debtor.to_period_end()
        rail.answers = [DECLINED] * 100
        debtor.run()
        pass_hours(debtor, 24 * 8, 6)
        assert debtor.may() is AccessLevel.RESTRICTED
        for _ in range(5):
            circuits.note_failure(PLATFORM, now=debtor.now)

        debtor.run(hours=1)

        assert debtor.may() is AccessLevel.RESTRICTED
        assert debtor.seen().grace_extension == timedelta()

    def test_grace_stands_still_too_while_nobody_knows_whether_a_retry_was_paid(
        self, tenants: list[Tenant], rail: BrokenRail
    ) -> None:
        debtor = tenants[0]
        debtor.to_period_end()
        rail.answers = [DECLINED] * 2
        debtor.run()
        break_down(rail, LOST)

        pass_hours(debtor, 24 * 9, 6)

        assert debtor.may() is AccessLevel.GRACE
        assert debtor.attempts.filter(state=AttemptState.UNKNOWN).count() == 1
        mend(rail)
        rail.loses_requests = False
        pass_hours(debtor, 24, 6)
        assert debtor.status == "active"

    def test_a_subscription_that_was_to_end_ends_all_the_same(
        self, tenants: list[Tenant], rail: BrokenRail
    ) -> None:
        leaving = tenants[0]
        leaving.shop.driver.end_at_period_end(
            leaving.seen().external_id, reason="", comment="", idempotency_key="end"
        )
        ends = leaving.to_period_end()
        break_down(rail, DOWN)
        for _ in range(5):
            circuits.note_failure(PLATFORM, now=ends)

        leaving.run()

        assert leaving.status == "canceled"
        assert leaving.seen().ended_at == ends


class TestWhatIsNoTry:
    @pytest.mark.parametrize(
        "trouble",
        [
            DriverUnavailable("RATE_LIMIT", detail="throttled"),
            DriverUnavailable("API_ERROR", detail="account_broken"),
            DriverRejected("INVALID_REQUEST", detail="no_merchant_account"),
            LOST,
        ],
        ids=["throttled", "our credentials", "our configuration", "unknown"],
    )
    def test_it_never_makes_a_subscription_overdue(
        self, tenant: Tenant, rail: BrokenRail, trouble: DriverError
    ) -> None:
        tenant.shop.driver.gateway = rail  # type: ignore[attr-defined] # a scripted one
        tenant.to_period_end()
        break_down(rail, trouble)

        pass_hours(tenant, 24)

        assert tenant.status == "active"
        assert tenant.facts == []
        assert tenant.mails("payment_failed") == []
        mend(rail)
        pass_hours(tenant, 2, 1)
        assert tenant.invoices[-1].status == "paid"
        assert len(tenant.invoices) == 2
