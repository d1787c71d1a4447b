"""Unpaid renewals under their plan's policy: tries, notices, asking for a card, and the end."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.drivers.custom.driver import CustomDriver
from billing.engine import giving_up, paying, scheduling
from billing.engine.models import EngineSubscription
from billing.engine.rails import ChargeResult, DeclineKind
from billing.enums import AccessLevel, AttemptState, ObligationState
from billing.services import recovery
from billing.types import Cause
from tests.billing.engine.crash_steps import Died
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, make_policy, subscribe, use_driver
from tests.billing.engine.scripted_rail import BUSY, DECLINED, FIX, HARD, STOP

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def _die(*_: Any, **__: Any) -> None:
    raise Died


def fail(tenant: Tenant, *answers: ChargeResult) -> datetime:
    """Let the renewal be refused; return when."""
    failed_at = tenant.to_period_end()
    tenant.rail.answers = list(answers)
    tenant.run()
    return failed_at


def days_after(tenant: Tenant, failed_at: datetime) -> list[float]:
    return [round((moment - failed_at) / DAY, 2) for moment in tenant.charges]


class TestSoftDeclines:
    def test_they_are_tried_on_the_days_of_the_policy_and_then_no_more(
        self, tenant: Tenant
    ) -> None:
        failed_at = fail(tenant, *[DECLINED] * 10)

        tenant.run_hourly(24 * 12)

        assert days_after(tenant, failed_at) == [0, 1, 3, 5, 7]
        assert tenant.facts == ["payment_failed"] * 5
        assert len(tenant.mails("payment_failed")) == 5
        assert tenant.status == "past_due"

    def test_a_try_that_works_ends_it(self, tenant: Tenant) -> None:
        failed_at = fail(tenant, DECLINED, DECLINED)

        tenant.run_hourly(24 * 8)

        assert days_after(tenant, failed_at) == [0, 1, 3]
        assert tenant.status == "active"
        assert tenant.may() is AccessLevel.FULL
        assert [debt.state for debt in tenant.debts] == [ObligationState.SETTLED]

    def test_access_is_restricted_when_grace_ends(self, tenant: Tenant) -> None:
        fail(tenant, *[DECLINED] * 10)

        tenant.run_hourly(24 * 7 - 1)
        before = tenant.may()
        tenant.run(hours=1)

        assert (before, tenant.may()) == (AccessLevel.GRACE, AccessLevel.RESTRICTED)

    def test_no_further_period_is_charged_meanwhile(self, tenant: Tenant) -> None:
        fail(tenant, *[DECLINED] * 10)

        for _day in range(40):
            tenant.run(days=1)

        assert len(tenant.invoices) == 2  # the start, and the period that is owed

    def test_the_issuers_wish_counts(self, tenant: Tenant) -> None:
        later = tenant.seen().current_period_end
        assert later is not None
        wish = ChargeResult(
            "failed", decline_kind=DeclineKind.SOFT, retry_not_before=later + 2.5 * DAY
        )
        failed_at = fail(tenant, wish)

        tenant.run_hourly(24 * 4)

        assert days_after(tenant, failed_at) == [0, 2.5]


class TestHostsThatAreDown:
    def test_they_are_asked_again_twice_after_a_quarter_of_an_hour(self, tenant: Tenant) -> None:
        failed_at = fail(tenant, BUSY, BUSY)

        for _quarter in range(3):
            tenant.run(minutes=15)

        assert [moment - failed_at for moment in tenant.charges] == [
            timedelta(minutes=minutes) for minutes in (0, 15, 30)
        ]
        assert tenant.status == "active"

    def test_the_third_counts_as_a_decline(self, tenant: Tenant) -> None:
        failed_at = fail(tenant, BUSY, BUSY, BUSY, DECLINED)

        for _quarter in range(4 * 24 * 2):
            tenant.run(minutes=15)

        assert days_after(tenant, failed_at) == [0, 0.01, 0.02, 1.02]


class TestDeclinesThatNeedThePayer:
    @pytest.mark.parametrize(
        ("answer", "ask"), [(HARD, "new_card"), (STOP, "new_card"), (FIX, "fix_card")]
    )
    def test_the_card_is_not_tried_again_and_its_holder_asked_once(
        self, tenant: Tenant, answer: ChargeResult, ask: str
    ) -> None:
        failed_at = fail(tenant, answer)

        tenant.run_hourly(24 * 2)

        assert days_after(tenant, failed_at) == [0]
        (mail,) = tenant.mails("payment_reminder")
        assert mail.context["ask"] == ask
        assert mail.context["access_until"] == f"{failed_at + 7 * DAY:%-d %B %Y}"

    def test_the_mail_about_the_failure_promises_no_further_try(self, tenant: Tenant) -> None:
        fail(tenant, HARD)

        (mail,) = tenant.mails("payment_failed")
        assert mail.context["next_attempt"] == ""

    def test_another_card_is_charged_within_a_day(self, tenant: Tenant) -> None:
        failed_at = fail(tenant, HARD)
        tenant.run(hours=6)
        another = tenant.shop.driver.attach_payment_method(
            "cc_pm_another", external_customer_id=tenant.shop.payer, idempotency_key="k2"
        )
        tenant.shop.driver.set_default_payment_method(
            payment_method=another,
            external_customer_id=tenant.shop.payer,
            external_subscription_id=tenant.seen().external_id,
            idempotency_key="k3",
        )

        tenant.run_hourly(24)

        assert tenant.rail.orders[-1].method_id == another
        assert days_after(tenant, failed_at) == [0, 1]
        assert tenant.status == "active"

    def test_a_payer_who_gives_another_card_is_charged_at_once(self, tenant: Tenant) -> None:
        fail(tenant, HARD)
        tenant.run(hours=6)

        recovery.pay_overdue(
            organization=tenant.organization, cause=Cause("request"), now=tenant.now
        )

        assert tenant.status == "active"
        assert tenant.rail.orders[-1].initiator == "payer"
        states = tenant.attempts.order_by("number").values_list("state", flat=True)
        assert list(states) == [AttemptState.FAILED, AttemptState.SUCCEEDED]
        before = len(tenant.rail.orders)
        tenant.run_hourly(24 * 3)
        assert len(tenant.rail.orders) == before


class TestTheMailAboutAFailure:
    def test_after_the_last_try_it_promises_no_other(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[1], notice_days=[3])
        fail(tenant, DECLINED, DECLINED)

        tenant.run_hourly(24 * 2)

        said = [mail.context["next_attempt"] for mail in tenant.mails("payment_failed")]
        assert said == ["1 March 2026", ""]


class TestNotices:
    def test_each_is_sent_on_its_day_and_once(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[2, 5])
        failed_at = fail(tenant, DECLINED)

        tenant.run_hourly(24 * 9)

        sent = [mail.context["access_until"] for mail in tenant.mails("payment_reminder")]
        assert sent == [f"{failed_at + 7 * DAY:%-d %B %Y}"] * 2

    def test_of_those_that_were_missed_the_last_one_is_sent(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[2, 5])
        fail(tenant, DECLINED)

        tenant.run(days=6)

        assert len(tenant.mails("payment_reminder")) == 1


class TestTheEnd:
    def test_it_comes_on_its_day_after_a_last_notice(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[1], notice_days=[], last_notice_day=10, cancel_day=14)
        failed_at = fail(tenant, DECLINED, DECLINED)

        tenant.run_hourly(24 * 14 - 1)
        assert tenant.status == "past_due"
        (last,) = tenant.mails("payment_reminder")
        assert last.context["ends_on"] == f"{failed_at + 14 * DAY:%-d %B %Y}"
        assert last.context["access_until"] == ""
        tenant.run(hours=1)

        row = tenant.seen()
        assert (row.status, row.ended_at) == ("canceled", failed_at + 14 * DAY)
        assert tenant.may() is AccessLevel.NONE
        assert tenant.invoices[-1].status == "uncollectible"
        assert [debt.state for debt in tenant.debts] == [ObligationState.VOID]

    def test_a_process_that_dies_meanwhile_leaves_no_open_invoice(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[], cancel_day=8)
        fail(tenant, DECLINED)
        tenant.shop.clock.turn(days=8)
        for seam in (scheduling, paying):
            name = "end" if seam is scheduling else "give_up"
            with monkeypatch.context() as broken:
                broken.setattr(seam, name, _die)
                with pytest.raises(Died):
                    tenant.run()
            row = EngineSubscription.objects.get(organization=tenant.organization)
            assert (row.status, tenant.invoices[-1].status) == ("past_due", "open")

        tenant.run(minutes=11)  # its lease has run out

        assert tenant.status == "canceled"
        assert tenant.invoices[-1].status == "uncollectible"

    def test_what_was_paid_a_moment_ago_goes_on(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_policy(tenant.plan, retry_days=[], notice_days=[], cancel_day=8)
        fail(tenant, DECLINED)
        tenant.shop.clock.turn(days=8)
        real = giving_up.end_unpaid

        def paid_first(*given: Any, **more: Any) -> bool:
            recovery.pay_overdue(
                organization=tenant.organization, cause=Cause("request"), now=tenant.now
            )
            return real(*given, **more)

        monkeypatch.setattr(giving_up, "end_unpaid", paid_first)
        tenant.run()

        assert tenant.status == "active"
        assert tenant.invoices[-1].status == "paid"

    def test_nothing_is_charged_after_it(self, tenant: Tenant) -> None:
        make_policy(tenant.plan, retry_days=[1], notice_days=[], cancel_day=8)
        fail(tenant, DECLINED, DECLINED)
        tenant.run_hourly(24 * 9)
        before = len(tenant.rail.orders)

        for _day in range(40):
            tenant.run(days=1)

        assert len(tenant.rail.orders) == before


class TestInvoicesThatAreSent:
    @pytest.fixture
    def enterprise(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Tenant:
        driver = CustomDriver()
        use_driver(monkeypatch, driver)
        return subscribe(driver, clock)

    def test_the_same_policy_counts_from_the_day_they_are_due(self, enterprise: Tenant) -> None:
        make_policy(
            enterprise.plan, retry_days=[1], notice_days=[3], last_notice_day=20, cancel_day=21
        )
        due_at = enterprise.invoices[0].due_at
        assert due_at is not None

        enterprise.shop.clock.now = due_at
        enterprise.run()
        assert (enterprise.status, enterprise.may()) == ("past_due", AccessLevel.GRACE)
        enterprise.run_hourly(24 * 3)
        (notice,) = enterprise.mails("payment_reminder")
        assert notice.context["is_sent"] is True
        enterprise.run_hourly(24 * 4)
        assert enterprise.may() is AccessLevel.RESTRICTED
        enterprise.run_hourly(24 * 14)
        assert enterprise.status == "canceled"
        assert enterprise.seen().ended_at == due_at + 21 * DAY
