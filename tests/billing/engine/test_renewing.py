"""What time does to a subscription: each period billed once, none skipped."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.drivers.base import DriverError
from billing.engine.models import EngineSubscription
from billing.engine.time_steps import Happened, step
from billing.enums import FactKind, InvoiceStatus, SubscriptionStatus
from billing.types import SubscriptionSnapshot
from tests.billing.engine.engine_steps import MONTHLY, START, Shop, new_key
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST

S = SubscriptionStatus


def next_action(shop: Shop, running: SubscriptionSnapshot) -> object:
    return shop.row(running).next_action_at


class TestAdvance:
    def test_does_nothing_before_its_time(self, shop: Shop) -> None:
        running = shop.start()
        shop.clock.turn(days=27)

        assert shop.advance(running).happened is Happened.NOTHING
        assert len(shop.rail.orders) == 1

    def test_charges_the_next_period_on_our_own_initiative(self, shop: Shop) -> None:
        running = shop.start()

        done = shop.at_period_end(running)

        assert done.happened is Happened.BILLED
        assert [fact.kind for fact in done.facts] == [FactKind.PAYMENT_SUCCEEDED]
        renewed = done.snapshot
        assert renewed.current_period_start == running.current_period_end
        assert renewed.current_period_end == START.replace(month=3)  # the anchor's day again
        order = shop.rail.orders[-1]
        assert (order.initiator, order.is_recurring, order.stores_card) == ("merchant", True, False)
        assert shop.advance(running).happened is Happened.NOTHING

    def test_bills_each_missed_period_once_however_late(self, shop: Shop) -> None:
        running = shop.start()
        shop.clock.now = START + timedelta(days=100)

        happened = [shop.advance(running).happened for _ in range(5)]

        assert happened == [Happened.BILLED] * 3 + [Happened.NOTHING] * 2
        periods = [(row.period_start, row.period_end) for row in shop.invoices(running)]
        assert [end for _, end in periods[:-1]] == [start for start, _ in periods[1:]]
        assert shop.rail.total == 4 * MONTHLY

    def test_the_database_knows_one_invoice_a_period(self, shop: Shop) -> None:
        running = shop.start()
        shop.at_period_end(running)
        renewal = shop.invoices(running)[-1]

        renewal.pk, renewal.external_id, renewal.number = None, "cc_in_other", "TILL-X"
        renewal._state.adding = True
        with pytest.raises(IntegrityError), transaction.atomic():
            renewal.save()

    def test_a_decline_makes_it_past_due_and_waits_for_the_policy(self, shop: Shop) -> None:
        running = shop.start()
        shop.rail.answers = [DECLINED]

        done = shop.at_period_end(running)

        assert (done.happened, done.snapshot.status) == (Happened.DECLINED, S.PAST_DUE)
        (fact,) = done.facts
        assert (fact.kind, fact.amount_minor) == (FactKind.PAYMENT_FAILED, MONTHLY)
        invoice = shop.invoices(running)[-1]
        assert (invoice.decline_code, invoice.decline_kind) == ("insufficient_funds", "soft")
        assert invoice.attempt_count == 1
        waiting = shop.advance(running)
        assert waiting.happened is Happened.RETRY_DUE
        assert waiting.external_invoice_id == invoice.external_id
        assert len(shop.rail.orders) == 2

    def test_no_further_period_is_charged_before_the_overdue_one(self, shop: Shop) -> None:
        running = shop.start()
        shop.rail.answers = [DECLINED]
        done = shop.at_period_end(running)
        shop.driver.plan_retry(done.external_invoice_id, at=None)
        assert next_action(shop, running) is None
        shop.clock.turn(days=40)

        paid = shop.driver.retry_invoice(done.external_invoice_id)
        billed = shop.advance(running)

        assert (paid.happened, paid.snapshot.status) == (Happened.BILLED, S.ACTIVE)
        assert billed.happened is Happened.BILLED
        assert [row.status for row in shop.invoices(running)] == ["paid", "paid", "paid"]

    def test_an_unknown_outcome_is_no_decline(self, shop: Shop) -> None:
        running = shop.start()
        shop.rail.answers, shop.rail.can_say = [LOST], False

        done = shop.at_period_end(running)

        assert (done.happened, done.snapshot.status) == (Happened.UNDECIDED, S.ACTIVE)
        assert done.error is LOST
        assert shop.advance(running).happened is Happened.UNDECIDED
        shop.rail.can_say = True
        decided = shop.advance(running)
        assert decided.happened is Happened.BILLED
        assert [fact.kind for fact in decided.facts] == [FactKind.PAYMENT_SUCCEEDED]
        assert len(shop.rail.orders) == 2

    def test_one_that_never_arrived_is_charged_later_with_another_reference(
        self, shop: Shop
    ) -> None:
        running = shop.start()
        shop.rail.answers, shop.rail.loses_requests = [LOST], True
        shop.at_period_end(running)
        shop.advance(running)
        shop.clock.turn(minutes=20)

        done = shop.advance(running)

        assert done.happened is Happened.BILLED
        references = [order.reference for order in shop.rail.orders]
        assert len(set(references)) == 3
        assert shop.rail.total == 2 * MONTHLY

    @pytest.mark.parametrize("error", [DOWN])
    def test_an_outage_is_no_decline_and_no_try(self, shop: Shop, error: DriverError) -> None:
        running = shop.start()
        shop.rail.answers = [error]

        done = shop.at_period_end(running)

        assert (done.happened, done.snapshot.status) == (Happened.NOT_CHARGED, S.ACTIVE)
        assert shop.invoices(running)[-1].attempt_count == 0
        shop.clock.turn(minutes=15)
        assert shop.advance(running).happened is Happened.BILLED

    def test_what_died_between_invoice_and_charge_is_charged_by_the_next_one(
        self, shop: Shop
    ) -> None:
        running = shop.start()
        shop.clock.now = shop.row(running).current_period_end
        row = EngineSubscription.objects.get(external_id=running.external_id)
        step(row, shop.clock.now)
        row.save()

        done = shop.advance(running)

        assert (done.happened, len(shop.rail.orders)) == (Happened.BILLED, 2)

    def test_without_a_card_it_is_overdue_and_nobody_is_called(self, shop: Shop) -> None:
        running = shop.start()
        shop.driver.detach_payment_method(shop.method, idempotency_key=new_key())

        done = shop.at_period_end(running)

        assert (done.happened, done.snapshot.status) == (Happened.DECLINED, S.PAST_DUE)
        assert shop.invoices(running)[-1].decline_code == "no_payment_method"
        assert len(shop.rail.orders) == 1

    def test_a_scheduled_change_begins_with_its_period(self, shop: Shop) -> None:
        running = shop.start()
        shop.driver.schedule_change(
            shop.change_of(running, seats=2, external_price_id=shop.price(9900, plan="max")),
            idempotency_key=new_key(),
        )

        done = shop.at_period_end(running)

        assert (done.snapshot.seats, done.snapshot.scheduled) == (2, None)
        assert shop.rail.orders[-1].amount_minor == 2 * 9900

    def test_one_that_ends_with_its_period_is_not_charged(self, shop: Shop) -> None:
        running = shop.start()
        shop.driver.end_at_period_end(
            running.external_id, reason="unused", comment="", idempotency_key=new_key()
        )

        done = shop.at_period_end(running)

        assert (done.happened, done.snapshot.status) == (Happened.ENDED, S.CANCELED)
        assert len(shop.rail.orders) == 1
        assert next_action(shop, running) is None

    def test_what_falls_due_in_a_pause_is_waived(self, shop: Shop) -> None:
        running = shop.start()
        resumes_at = START + timedelta(days=40)
        shop.driver.pause_subscription(
            running.external_id, resumes_at=resumes_at, idempotency_key=new_key()
        )

        waived = shop.at_period_end(running)
        shop.clock.now = resumes_at
        resumed = shop.advance(running)
        billed = shop.at_period_end(running)

        assert [waived.happened, resumed.happened, billed.happened] == [
            Happened.WAIVED,
            Happened.RESUMED,
            Happened.BILLED,
        ]
        assert resumed.snapshot.status == S.ACTIVE
        assert len(shop.rail.orders) == 2

    def test_a_trial_is_announced_once_and_then_charged(self, shop: Shop) -> None:
        trial = shop.start(trial_days=14)
        shop.clock.turn(days=11)

        announced = [shop.advance(trial) for _ in range(2)]
        begun = shop.at_period_end(trial)

        assert [done.happened for done in announced] == [Happened.TRIAL_ENDING, Happened.NOTHING]
        assert announced[0].facts[0].detail == {"trial_end": "2026-02-14"}
        assert (begun.happened, begun.snapshot.status) == (Happened.BILLED, S.ACTIVE)
        assert shop.rail.total == MONTHLY

    def test_an_unfinished_start_expires(self, shop: Shop) -> None:
        shop.rail.answers = [DECLINED]
        declined = shop.start()
        shop.clock.turn(hours=23)

        done = shop.advance(declined)

        assert (done.happened, done.snapshot.status) == (Happened.EXPIRED, S.INCOMPLETE_EXPIRED)

    def test_a_change_that_nobody_paid_expires(self, shop: Shop) -> None:
        running = shop.start()
        shop.clock.turn(days=2)
        shop.rail.answers = [DECLINED]
        shop.change(running, seats=2)
        shop.clock.turn(hours=23)

        done = shop.advance(running)

        assert done.happened is Happened.CHANGE_DROPPED
        assert shop.invoices(running)[-1].status == InvoiceStatus.VOID

    def test_who_pays_by_invoice_is_overdue_after_its_date(self, by_hand: Shop) -> None:
        running = by_hand.start(days_until_due=14)
        assert next_action(by_hand, running) == START + timedelta(days=14)
        by_hand.clock.turn(days=14)

        overdue = by_hand.advance(running)
        by_hand.driver.plan_retry(overdue.external_invoice_id, at=None)
        billed = by_hand.at_period_end(running)

        assert (overdue.happened, overdue.snapshot.status) == (Happened.OVERDUE, S.PAST_DUE)
        assert billed.happened is Happened.BILLED  # the next one is sent all the same
        assert billed.snapshot.status == S.PAST_DUE
