"""A card whose data was wrong: looked up before its holder is asked."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from billing.drivers.base import DriverError
from billing.engine.rails import ChargeResult, DeclineKind
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, subscribe, use_driver
from tests.billing.engine.scripted_rail import DOWN, ScriptedDriver, ScriptedRail

pytestmark = pytest.mark.django_db

EXPIRED = ChargeResult("failed", decline_code="expired_card", decline_kind=DeclineKind.FIX_DATA)
STOLEN = ChargeResult("failed", decline_code="stolen_card", decline_kind=DeclineKind.HARD)


class NewsRail(ScriptedRail):
    """A rail that can ask about cards; `news` is what it is told."""

    news: datetime | DriverError | None = None
    asked = 0

    def method_changed_at(
        self, *, organization_id: UUID, method_id: str, now: datetime
    ) -> datetime | None:
        self.asked += 1
        if isinstance(self.news, DriverError):
            raise self.news
        return self.news


@pytest.fixture
def rail() -> NewsRail:
    return NewsRail()


@pytest.fixture
def tenant(rail: NewsRail, clock: Clock, db: None, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    driver = ScriptedDriver(rail)
    use_driver(monkeypatch, driver)
    return subscribe(driver, clock)


def refuse(tenant: Tenant, *answers: ChargeResult) -> None:
    tenant.to_period_end()
    tenant.rail.answers = list(answers)
    tenant.run()


def test_new_data_is_charged_at_once_as_another_attempt(tenant: Tenant, rail: NewsRail) -> None:
    rail.news = tenant.to_period_end() + timedelta(minutes=1)

    refuse(tenant, EXPIRED)

    states = list(tenant.attempts.order_by("number").values_list("state", flat=True))
    assert states == ["failed", "succeeded"]
    assert len({row.our_reference for row in tenant.attempts}) == 2
    assert tenant.status == "active"
    assert tenant.mails("payment_reminder") == []  # nobody had to do anything


def test_what_changed_before_the_decline_is_no_news(tenant: Tenant, rail: NewsRail) -> None:
    rail.news = tenant.now

    refuse(tenant, EXPIRED)

    assert len(tenant.charges) == 1
    assert tenant.status == "past_due"
    assert len(tenant.mails("payment_reminder")) == 1


def test_news_that_come_days_later_are_seen(tenant: Tenant, rail: NewsRail) -> None:
    refuse(tenant, EXPIRED)
    tenant.run(days=1, minutes=1)
    rail.news = tenant.now
    assert len(tenant.charges) == 1

    tenant.run(days=1, minutes=1)

    assert len(tenant.charges) == 2
    assert tenant.status == "active"


def test_the_new_data_is_tried_once(tenant: Tenant, rail: NewsRail) -> None:
    rail.news = tenant.to_period_end() + timedelta(minutes=1)
    refuse(tenant, EXPIRED)
    rail.answers = []
    tenant.run(minutes=1)
    rail.answers = [EXPIRED, EXPIRED, EXPIRED]
    ended = tenant.to_period_end()
    rail.news = ended - timedelta(days=1)

    tenant.run()
    tenant.run_hourly(72)

    assert len(tenant.charges) == 3  # two of the first period, one of the second


@pytest.mark.parametrize("answer", [STOLEN, ChargeResult("succeeded", "ret1")], ids=["hard", "ok"])
def test_nobody_is_asked_about_other_declines(
    tenant: Tenant, rail: NewsRail, answer: ChargeResult
) -> None:
    refuse(tenant, answer)
    tenant.run_hourly(30)

    assert rail.asked == 0


def test_a_gateway_that_cant_be_asked_has_its_payer_asked(tenant: Tenant, rail: NewsRail) -> None:
    rail.news = DOWN

    refuse(tenant, EXPIRED)

    assert rail.asked == 1
    assert len(tenant.mails("payment_reminder")) == 1
    assert len(tenant.charges) == 1
