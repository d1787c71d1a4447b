"""Claiming what is due, and the debts behind what the runner charges."""

from datetime import timedelta

from billing.engine import due
from billing.enums import AttemptState, ObligationKind
from billing.models import PaymentAttempt
from tests.billing.builders import make_subscription
from tests.billing.engine.engine_steps import Shop
from tests.billing.engine.scripted_rail import DECLINED, LOST


def due_now(shop: Shop) -> list[str]:
    rows = due.claim_due(now=shop.clock.now, limit=10, lease=timedelta(minutes=5))
    return [row.external_id for row in rows if row.organization_id == shop.organization.pk]


class TestAttempts:
    def test_a_renewal_is_a_debt_of_its_subscription(self, shop: Shop) -> None:
        ours = make_subscription(shop.organization)
        type(ours).objects.filter(pk=ours.pk).update(provider=shop.driver.name)
        running = shop.start(our_id=str(ours.pk))
        shop.rail.answers = [DECLINED]

        done = shop.at_period_end(running)
        shop.driver.retry_invoice(done.external_invoice_id)

        attempts = PaymentAttempt.objects.filter(
            obligation__subscription=ours, obligation__kind=ObligationKind.RENEWAL
        ).order_by("obligation__created_at", "number")
        renewal = [
            (row.number, row.state)
            for row in attempts
            if row.obligation.invoice_external_id == done.external_invoice_id
        ]
        assert renewal == [(1, AttemptState.FAILED), (2, AttemptState.SUCCEEDED)]
        assert attempts.last().obligation.state == "settled"  # type: ignore[union-attr]  # there are two

    def test_an_unknown_one_is_asked_about_by_the_resolver(self, shop: Shop) -> None:
        ours = make_subscription(shop.organization)
        type(ours).objects.filter(pk=ours.pk).update(provider=shop.driver.name)
        running = shop.start(our_id=str(ours.pk))
        shop.rail.answers = [LOST]
        shop.at_period_end(running)

        attempt = PaymentAttempt.objects.get(our_reference=shop.rail.orders[-1].reference)
        assert attempt.state == AttemptState.UNKNOWN
        assert attempt.resolve_after is not None
        shop.driver.retrieve_subscription(running.external_id)
        attempt.refresh_from_db()
        assert attempt.state == AttemptState.SUCCEEDED


class TestClaimDue:
    def test_takes_what_is_due_and_lets_nobody_else_have_it(self, shop: Shop) -> None:
        running = shop.start()
        assert due_now(shop) == []
        shop.clock.now = shop.row(running).current_period_end

        assert due_now(shop) == [running.external_id]
        assert due_now(shop) == []

    def test_a_claim_of_somebody_who_died_runs_out(self, shop: Shop) -> None:
        running = shop.start()
        shop.clock.now = shop.row(running).current_period_end
        due_now(shop)
        shop.clock.turn(minutes=5)

        assert due_now(shop) == [running.external_id]
