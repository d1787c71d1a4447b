"""The runner: claims what is due, has it done once, and takes it over into billing's rows."""

from datetime import timedelta

import pytest

from billing.engine import due
from billing.engine.models import EngineSubscription
from billing.enums import AccessLevel, AttemptState, ObligationState
from billing.services import projection, renewals
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.renewal_steps import Tenant, subscribe
from tests.billing.engine.scripted_rail import DECLINED, LOST, ScriptedDriver

pytestmark = pytest.mark.django_db


class TestRunDue:
    def test_a_period_that_ends_is_charged_once_and_the_next_one_begins(
        self, tenant: Tenant
    ) -> None:
        ends = tenant.to_period_end()

        first, second = tenant.run(), tenant.run()

        assert (first["billed"], second) == (1, {})
        row = tenant.seen()
        assert row.status == "active"
        assert row.current_period_start == ends
        assert [order.amount_minor for order in tenant.rail.orders] == [2900, 2900]
        assert [debt.state for debt in tenant.debts] == [ObligationState.SETTLED]
        assert [try_.state for try_ in tenant.attempts] == [AttemptState.SUCCEEDED]

    def test_before_that_nothing_is_done(self, tenant: Tenant) -> None:
        tenant.to_period_end()

        assert tenant.run(seconds=-1) == {}
        assert len(tenant.rail.orders) == 1

    def test_a_renewal_is_the_merchants_own_charge(self, tenant: Tenant) -> None:
        tenant.to_period_end()
        tenant.run()

        order = tenant.rail.orders[-1]
        assert (order.initiator, order.is_recurring, order.stores_card) == ("merchant", True, False)

    def test_months_end_as_the_first_one_began(self, tenant: Tenant) -> None:
        ends = []
        for _month in range(3):
            ends.append(tenant.to_period_end())
            tenant.run()

        assert [f"{moment:%m-%d}" for moment in ends] == ["02-28", "03-31", "04-30"]

    def test_a_decline_is_told_with_the_day_of_the_next_try(self, tenant: Tenant) -> None:
        ends = tenant.to_period_end()
        tenant.rail.answers = [DECLINED]

        tenant.run()

        assert tenant.status == "past_due"
        assert tenant.may() is AccessLevel.GRACE
        assert tenant.facts == ["payment_failed"]
        (mail,) = tenant.mails("payment_failed")
        assert mail.context["next_attempt"] == f"{ends + timedelta(days=1):%-d %B %Y}"
        assert mail.context["access_until"] == f"{ends + timedelta(days=7):%-d %B %Y}"

    def test_an_unknown_outcome_is_no_decline_and_never_sent_again(self, tenant: Tenant) -> None:
        tenant.to_period_end()
        tenant.rail.answers = [LOST]

        ran = tenant.run()

        assert ran["undecided"] == 1
        assert tenant.status == "active"
        assert [try_.state for try_ in tenant.attempts] == [AttemptState.UNKNOWN]
        tenant.run(minutes=2)
        assert tenant.status == "active"
        assert [try_.state for try_ in tenant.attempts] == [AttemptState.SUCCEEDED]
        assert len(tenant.rail.orders) == 2  # the start and one renewal

    def test_a_trial_that_ends_soon_is_announced_once(
        self, driver: ScriptedDriver, clock: Clock
    ) -> None:
        tenant = subscribe(driver, clock, trial_days=14)
        tenant.run(days=11)
        tenant.run(days=1)

        assert tenant.facts == ["trial_ending"]
        assert len(tenant.mails("trial_ending")) == 1

    def test_one_in_trouble_does_not_keep_the_others_waiting(
        self, tenant: Tenant, driver: ScriptedDriver, clock: Clock
    ) -> None:
        other = subscribe(driver, clock)
        broken = EngineSubscription.objects.get(our_id=str(tenant.row.pk))
        EngineSubscription.objects.filter(pk=broken.pk).update(provider="stripe")
        tenant.to_period_end()

        ran = tenant.run()

        assert (ran["failed"], ran["billed"]) == (1, 1)
        assert other.seen().current_period_start == tenant.now

    def test_a_limit_leaves_the_rest_for_the_next_run(
        self, tenant: Tenant, driver: ScriptedDriver, clock: Clock
    ) -> None:
        subscribe(driver, clock)
        tenant.to_period_end()

        assert renewals.run_due(now=tenant.now, limit=1) == {"billed": 1}
        assert renewals.run_due(now=tenant.now, limit=5) == {"billed": 1}


class TestClaims:
    def test_what_one_worker_has_claimed_no_other_gets(self, tenant: Tenant) -> None:
        now = tenant.to_period_end()
        mine = due.claim_due(now=now, limit=5, lease=renewals.LEASE)

        assert [row.our_id for row in mine] == [str(tenant.row.pk)]
        assert tenant.run() == {}

    def test_a_claim_whose_worker_died_runs_out(self, tenant: Tenant) -> None:
        now = tenant.to_period_end()
        due.claim_due(now=now, limit=5, lease=renewals.LEASE)

        ran = tenant.run(minutes=10, seconds=1)

        assert ran["billed"] == 1
        assert len(tenant.rail.orders) == 2


class TestTrouble:
    def test_what_cannot_be_taken_over_together_is_taken_over_singly(
        self,
        tenant: Tenant,
        driver: ScriptedDriver,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other = subscribe(driver, clock)
        tenant.to_period_end()
        together = projection.converge_together

        def fail(*, changes: list[object], now: object) -> object:
            if len(changes) > 1:
                raise ValueError("one of them is in trouble")
            return together(changes=changes, now=now)  # type: ignore[arg-type] # passed on

        monkeypatch.setattr(projection, "converge_together", fail)
        tenant.run()

        assert tenant.seen().current_period_start == tenant.now
        assert other.seen().current_period_start == tenant.now


class TestTakeOverLost:
    def test_what_a_dead_worker_did_is_taken_over_and_not_done_again(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ends = tenant.to_period_end()
        tenant.rail.answers = [DECLINED]

        def die(**_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as dying:
            dying.setattr(projection, "converge_together", die)
            with pytest.raises(KeyboardInterrupt):
                tenant.run()
        assert tenant.status == "active"

        ran = tenant.run(minutes=11)

        assert ran["taken_over"] == 1
        row = tenant.seen()
        assert (row.status, row.current_period_start) == ("past_due", ends)
        assert tenant.facts == ["payment_failed"]
        assert len(tenant.rail.orders) == 2
        assert tenant.run(minutes=11)["taken_over"] == 0
