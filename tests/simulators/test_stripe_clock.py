"""What happens by itself as time passes."""

import calendar
import time
from typing import Any

import pytest

from tests.simulators.conftest import save_card
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import after, next_end

DAY = 86_400


def subscribe(v1: Any, customer: Any, price: Any, **more: Any) -> Any:
    return v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], **more}
    )


def period_of(subscription: Any) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def moment(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d"))


class TestPeriods:
    @pytest.mark.parametrize(
        ("anchor", "steps", "expected"),
        [
            ("2026-01-31", 1, "2026-02-28"),
            ("2026-01-31", 2, "2026-03-31"),
            ("2026-01-31", 3, "2026-04-30"),
            ("2028-01-31", 1, "2028-02-29"),
            ("2026-12-15", 1, "2027-01-15"),
        ],
    )
    def test_months_keep_the_day_of_the_anchor(
        self, anchor: str, steps: int, expected: str
    ) -> None:
        assert after(moment(anchor), "month", 1, steps) == moment(expected)

    def test_a_leap_day_year_ends_on_the_last_of_february(self) -> None:
        assert next_end(moment("2028-02-29"), "year", 1, moment("2028-02-29")) == moment(
            "2029-02-28"
        )

    def test_the_next_end_is_always_later(self) -> None:
        anchor = moment("2026-01-31")

        assert next_end(anchor, "month", 1, moment("2026-02-28")) == moment("2026-03-31")
        assert next_end(anchor, "week", 2, anchor) == anchor + 14 * DAY


class TestRenewal:
    def test_drafts_at_the_end_and_charges_an_hour_later(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        end = period_of(made)[1]

        simulator.advance(end - simulator.now() + 60)
        draft = v1.invoices.retrieve(v1.subscriptions.retrieve(made.id).latest_invoice)
        simulator.advance(3600)

        assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
        assert period_of(v1.subscriptions.retrieve(made.id))[0] == end
        assert v1.invoices.retrieve(draft.id).status == "paid"
        assert v1.subscriptions.retrieve(made.id).status == "active"

    def test_a_declined_card_leaves_it_past_due_and_is_tried_again(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        simulator.advance(period_of(made)[1] - simulator.now() + 2 * 3600)

        renewed = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
        assert renewed.status == "past_due"
        assert renewed.latest_invoice.attempt_count == 1
        assert renewed.latest_invoice.next_payment_attempt > simulator.now()
        simulator.advance(3 * DAY)
        assert v1.invoices.retrieve(renewed.latest_invoice.id).attempt_count == 2

    def test_paying_after_a_decline_makes_it_active_again(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        simulator.advance(period_of(made)[1] - simulator.now() + 2 * 3600)
        save_card(v1, customer, "pm_card_visa")

        v1.invoices.pay(v1.subscriptions.retrieve(made.id).latest_invoice)

        assert v1.subscriptions.retrieve(made.id).status == "active"

    @pytest.mark.parametrize("final", ["canceled", "unpaid", "past_due"])
    def test_ends_as_the_account_says_when_all_retries_failed(
        self,
        simulator: StripeSimulator,
        v1: Any,
        customer: Any,
        price: Any,
        card: Any,
        final: str,
    ) -> None:
        simulator.settings(retry_days=[1, 1], after_retries=final)
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        simulator.advance(period_of(made)[1] - simulator.now() + 4 * DAY)

        assert v1.subscriptions.retrieve(made.id).status == final
        assert simulator.objects("invoice")[1]["attempt_count"] == 3

    def test_a_card_that_wants_3ds_asks_for_its_holder(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_authenticationRequired")

        simulator.advance(period_of(made)[1] - simulator.now() + 2 * 3600)

        assert v1.subscriptions.retrieve(made.id).status == "past_due"
        assert len(simulator.events("invoice.payment_action_required")) == 1


class TestOtherDeadlines:
    def test_an_incomplete_subscription_expires_after_23_hours(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any
    ) -> None:
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")

        simulator.advance(23 * 3600 - 60)
        assert v1.subscriptions.retrieve(made.id).status == "incomplete"
        simulator.advance(120)

        assert v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
        assert v1.invoices.retrieve(made.latest_invoice).status == "void"

    def test_a_trial_is_announced_and_then_paid(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price, trial_period_days=14)

        simulator.advance(11 * DAY + 60)
        assert len(simulator.events("customer.subscription.trial_will_end")) == 1
        simulator.advance(3 * DAY + 7200)

        ended = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
        assert ended.status == "active"
        assert ended.latest_invoice.amount_paid == 2900

    @pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
    def test_a_trial_without_a_card_ends_as_its_settings_say(
        self,
        simulator: StripeSimulator,
        v1: Any,
        customer: Any,
        price: Any,
        behavior: str,
        status: str,
    ) -> None:
        made = subscribe(
            v1,
            customer,
            price,
            trial_period_days=1,
            trial_settings={"end_behavior": {"missing_payment_method": behavior}},
        )

        simulator.advance(DAY + 60)

        assert v1.subscriptions.retrieve(made.id).status == status

    def test_a_checkout_session_expires(
        self, simulator: StripeSimulator, v1: Any, price: Any
    ) -> None:
        session = v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": price.id, "quantity": 1}],
                "success_url": "http://127.0.0.1/done",
            }
        )

        simulator.advance(DAY + 60)

        assert v1.checkout.sessions.retrieve(session.id).status == "expired"
        assert len(simulator.events("checkout.session.expired")) == 1

    def test_a_test_clock_moves_only_its_own_customers(
        self, simulator: StripeSimulator, v1: Any, price: Any
    ) -> None:
        start = simulator.now()
        clock = v1.test_helpers.test_clocks.create({"frozen_time": start})
        timed = v1.customers.create({"test_clock": clock.id, "email": "timed@example.test"})
        plain = v1.customers.create({"email": "plain@example.test"})
        ids = []
        for one in (timed, plain):
            save_card(v1, one, "pm_card_visa")
            ids.append(subscribe(v1, one, price).id)

        v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": start + 40 * DAY})

        counts = [len(v1.invoices.list({"subscription": one}).data) for one in ids]
        assert counts == [2, 1]


def test_fourteen_months_pass_in_one_go(
    simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
) -> None:
    made = subscribe(v1, customer, price)
    start = made.billing_cycle_anchor

    began = time.monotonic()
    simulator.advance(after(start, "month", 1, 14) - simulator.now() + 7200)

    bills = v1.invoices.list({"subscription": made.id, "limit": 100}).data
    starts = [bill.lines.data[0].period.start for bill in reversed(bills)]
    assert starts == [after(start, "month", 1, step) for step in range(15)]
    assert {(bill.status, bill.amount_paid) for bill in bills} == {("paid", 2900)}
    assert time.monotonic() - began < 10  # it takes a few hundredths of a second


class TestAClockThatStandsStill:
    def test_only_advances_when_asked_to(self) -> None:
        with StripeSimulator.start() as stripe:
            standing_at = stripe.stop_clock()
            time.sleep(1.1)

            assert stripe.now() == standing_at
            assert stripe.advance(DAY) == standing_at + DAY
            assert stripe.now() == standing_at + DAY
