"""What happens to a subscription that runs: the same for every driver that has subscriptions."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.enums import AttemptState, Proration, SubscriptionStatus
from billing.types import ChangeSpec, SubscriptionSnapshot
from tests.contract.driver_steps import attach, start, state_of
from tests.contract.sandboxes import Sandbox, new_key


def change_of(snapshot: SubscriptionSnapshot, **fields: Any) -> ChangeSpec:
    """Three seats more, invoiced at once."""
    wanted = ChangeSpec(
        external_customer_id=snapshot.external_customer_id,
        external_subscription_id=snapshot.external_id,
        external_price_id=snapshot.external_price_id,
        seats=snapshot.seats + 3,
        proration=Proration.INVOICE,
        interval="month",
    )
    return dataclasses.replace(wanted, **fields)


def use_card(sandbox: Sandbox, snapshot: SubscriptionSnapshot, card: str) -> None:
    method = attach(sandbox, snapshot.external_customer_id, card)
    sandbox.driver.set_default_payment_method(
        external_customer_id=snapshot.external_customer_id,
        payment_method=method,
        external_subscription_id=snapshot.external_id,
        idempotency_key=new_key(),
    )


class TestPreviews:
    def test_charge_what_they_said(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        spec = change_of(running)
        preview = subscribing.driver.preview_change(spec)
        assert preview.proration_date is not None

        changed = subscribing.driver.change_subscription(
            dataclasses.replace(spec, proration_date=preview.proration_date),
            idempotency_key=new_key(),
        )

        assert changed.seats == running.seats + 3
        assert changed.latest_invoice is not None
        assert changed.latest_invoice.total_minor == preview.total_minor > 0
        assert changed.latest_invoice.amount_due_minor == preview.amount_due_minor
        assert preview.total_minor == sum(line.amount_minor for line in preview.lines)

    def test_leave_everything_as_it_is(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)

        subscribing.driver.preview_change(change_of(running))

        assert subscribing.driver.retrieve_subscription(running.external_id) == running

    def test_tell_what_the_next_period_costs(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)

        preview = subscribing.driver.preview_renewal(running.external_id)

        assert preview is not None
        assert (preview.currency, preview.total_minor) == ("USD", 2 * 2900)

    def test_of_one_that_ends_there_is_none(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        subscribing.driver.end_at_period_end(
            running.external_id, reason="", comment="", idempotency_key=new_key()
        )

        assert subscribing.driver.preview_renewal(running.external_id) is None

    def test_of_one_that_ends_what_still_waits_is_charged(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        assert subscribing.driver.preview_ending(running.external_id) is None
        subscribing.driver.change_subscription(
            change_of(running, proration=Proration.NEXT_INVOICE), idempotency_key=new_key()
        )
        ending = subscribing.driver.preview_ending(running.external_id)
        foretold = ending.total_minor if ending else 0
        subscribing.driver.end_at_period_end(
            running.external_id, reason="", comment="", idempotency_key=new_key()
        )

        last = subscribing.driver.preview_renewal(running.external_id)

        assert last is not None
        assert last.total_minor == foretold
        assert 0 < last.total_minor <= 3 * 2900
        assert all(line.is_proration for line in last.lines)

    def test_tell_what_a_first_invoice_costs(self, subscribing: Sandbox) -> None:
        wanted = subscribing.new_start("")

        preview = subscribing.driver.preview_change(
            ChangeSpec(
                external_customer_id=wanted.external_customer_id,
                external_price_id=wanted.external_price_id,
                seats=4,
            )
        )

        assert (preview.total_minor, preview.amount_due_minor) == (4 * 2900, 4 * 2900)


class TestChanges:
    @pytest.mark.parametrize("proration", [Proration.NEXT_INVOICE, Proration.NONE])
    def test_charge_nothing_now_unless_asked(
        self, subscribing: Sandbox, proration: Proration
    ) -> None:
        running = start(subscribing, subscribing.good_card)

        changed = subscribing.driver.change_subscription(
            change_of(running, proration=proration), idempotency_key=new_key()
        )

        assert changed.seats == running.seats + 3
        assert changed.latest_invoice_id == running.latest_invoice_id
        renewal = subscribing.driver.preview_renewal(running.external_id)
        assert renewal is not None
        full = 5 * 2900
        if proration is Proration.NONE:
            assert renewal.total_minor == full
        else:  # and, for three seats, the rest of the running period
            assert full < renewal.total_minor <= full + 3 * 2900

    def test_a_declined_card_changes_nothing(self, collecting: Sandbox) -> None:
        running = start(collecting, collecting.good_card)
        use_card(collecting, running, collecting.refused_card)

        asked = collecting.driver.change_subscription(change_of(running), idempotency_key=new_key())

        assert asked.seats == running.seats
        assert asked.awaits_payment_of_change
        assert state_of(asked) is AttemptState.FAILED
        dropped = collecting.driver.drop_unpaid_change(
            running.external_id, idempotency_key=new_key()
        )
        assert not dropped.awaits_payment_of_change
        assert (dropped.seats, dropped.status) == (running.seats, SubscriptionStatus.ACTIVE)

    def test_a_card_that_asks_its_holder_changes_nothing_yet(self, subscribing: Sandbox) -> None:
        if not subscribing.asking_card:
            pytest.skip(f"{subscribing.provider} never asks")
        running = start(subscribing, subscribing.good_card)
        use_card(subscribing, running, subscribing.asking_card)

        asked = subscribing.driver.change_subscription(
            change_of(running), idempotency_key=new_key()
        )

        assert (asked.seats, asked.awaits_payment_of_change) == (running.seats, True)
        assert state_of(asked) is AttemptState.REQUIRES_ACTION
        assert asked.latest_payment is not None
        assert asked.latest_payment.client_secret

    def test_one_whose_answer_was_lost_shows_when_asked(self, collecting: Sandbox) -> None:
        running = start(collecting, collecting.good_card)
        collecting.lose_next_answer(processed=True, of="change")

        with pytest.raises(OutcomeUnknown):
            collecting.driver.change_subscription(change_of(running), idempotency_key=new_key())

        found = collecting.driver.retrieve_subscription(running.external_id)
        assert found.seats == running.seats + 3


class TestScheduledChanges:
    def test_wait_for_the_end_of_the_period(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)

        waiting = subscribing.driver.schedule_change(change_of(running), idempotency_key=new_key())

        assert waiting.seats == running.seats
        assert waiting.scheduled is not None
        assert waiting.scheduled.seats == running.seats + 3
        assert waiting.scheduled.external_price_id == running.external_price_id
        assert waiting.scheduled.effective_at == running.current_period_end
        assert waiting.latest_invoice_id == running.latest_invoice_id

    def test_the_last_one_counts(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        subscribing.driver.schedule_change(change_of(running), idempotency_key=new_key())

        waiting = subscribing.driver.schedule_change(
            change_of(running, seats=1), idempotency_key=new_key()
        )

        assert waiting.scheduled is not None
        assert waiting.scheduled.seats == 1

    def test_can_be_withdrawn_and_twice_is_once(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        subscribing.driver.schedule_change(change_of(running), idempotency_key=new_key())

        kept = [
            subscribing.driver.unschedule_change(running.external_id, idempotency_key=new_key())
            for _ in range(2)
        ]

        assert kept == [running, running]


class TestEndsAndPauses:
    def test_one_ends_with_its_period_and_can_be_kept(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)

        ending = subscribing.driver.end_at_period_end(
            running.external_id, reason="unused", comment="Bye", idempotency_key=new_key()
        )

        assert ending.status is SubscriptionStatus.ACTIVE
        ends = ending.cancel_at or (ending.cancel_at_period_end and ending.current_period_end)
        assert ends == running.current_period_end
        kept = subscribing.driver.keep_subscription(running.external_id, idempotency_key=new_key())
        assert (kept.cancel_at, kept.cancel_at_period_end) == (None, False)

    def test_a_reason_in_somebodys_own_words_is_taken(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)

        ended = subscribing.driver.cancel_subscription(
            running.external_id, reason="We move to the sea", idempotency_key=new_key()
        )

        assert ended.status is SubscriptionStatus.CANCELED

    def test_one_is_paused_and_resumed(self, subscribing: Sandbox) -> None:
        running = start(subscribing, subscribing.good_card)
        assert running.current_period_end is not None
        resumes_at = running.current_period_end + timedelta(days=40)

        paused = subscribing.driver.pause_subscription(
            running.external_id, resumes_at=resumes_at, idempotency_key=new_key()
        )

        assert (paused.status, paused.resumes_at) == (SubscriptionStatus.PAUSED, resumes_at)
        resumed = [
            subscribing.driver.resume_subscription(running.external_id, idempotency_key=new_key())
            for _ in range(2)
        ]
        assert resumed == [running, running]
