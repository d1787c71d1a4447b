"""How a subscription stands that ends, or whose trial does."""

from typing import Any

import pytest

from tests.simulators.standing_steps import Case
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


class TestEnding:
    @pytest.mark.parametrize("named", ["min_period_end", "max_period_end"])
    def test_with_a_period(self, case: Case, named: str) -> None:
        planned = case.update(cancel_at=named)
        assert (planned.cancel_at, planned.cancel_at_period_end) == (
            case.item.current_period_end,
            False,
        )

        case.pass_the_end()

        assert case.now().status == "canceled"
        assert len(case.simulator.objects("invoice")) == 1

    def test_between_credits_the_rest(self, case: Case) -> None:
        moment = case.simulator.now() + 10 * DAY
        case.update(cancel_at=moment)

        case.simulator.advance(10 * DAY + 60)

        length = case.item.current_period_end - case.item.current_period_start
        credit = -round(2900 * (case.item.current_period_end - moment) / length)
        assert (case.now().status, case.now().ended_at) == ("canceled", moment)
        assert case.v1.customers.retrieve(case.customer.id).balance == credit

    def test_between_without_prorations_credits_nothing(self, case: Case) -> None:
        case.update(cancel_at=case.simulator.now() + 10 * DAY, proration_behavior="none")

        case.simulator.advance(10 * DAY + 60)

        assert case.now().status == "canceled"
        assert case.v1.customers.retrieve(case.customer.id).balance == 0

    def test_can_be_taken_back(self, case: Case) -> None:
        case.update(cancel_at=case.simulator.now() + 10 * DAY)
        kept = case.update(cancel_at="")

        case.simulator.advance(11 * DAY)

        assert (kept.cancel_at, kept.canceled_at) == (None, None)
        assert case.now().status == "active"

    def test_keeps_why(self, case: Case) -> None:
        why = {"comment": "too dear", "feedback": "too_expensive"}

        ended = case.v1.subscriptions.cancel(case.id, {"cancellation_details": why})

        assert ended.cancellation_details.comment == "too dear"
        assert ended.cancellation_details.feedback == "too_expensive"
        assert ended.cancellation_details.reason == "cancellation_requested"

    def test_at_once_drops_the_prorations_that_wait(self, case: Case) -> None:
        case.update(items=[{"id": case.item.id, "quantity": 3}])
        assert len(case.simulator.objects("invoiceitem")) == 2

        case.v1.subscriptions.cancel(case.id)

        assert case.simulator.objects("invoiceitem") == []

    def test_at_once_may_invoice_them(self, case: Case) -> None:
        case.update(items=[{"id": case.item.id, "quantity": 3}])

        ended = case.v1.subscriptions.cancel(
            case.id, {"invoice_now": True, "expand": ["latest_invoice"]}
        )

        assert ended.latest_invoice.status == "paid"
        assert ended.latest_invoice.total == pytest.approx(2 * 2900, abs=3)


class TestTrial:
    def test_ends_now_when_asked_to(self, case: Case) -> None:
        made = case.subscribe(trial_period_days=14)

        ended = case.v1.subscriptions.update(
            made.id, {"trial_end": "now", "expand": ["latest_invoice"]}
        )

        assert (ended.status, ended.latest_invoice.amount_paid) == ("active", 2900)
        assert ended["items"].data[0].current_period_start == ended.trial_end

    def test_is_prolonged(self, case: Case) -> None:
        made = case.subscribe(trial_period_days=14)
        longer = made.trial_end + 10 * DAY

        case.v1.subscriptions.update(made.id, {"trial_end": longer})
        case.simulator.advance(12 * DAY)
        assert case.simulator.events("customer.subscription.trial_will_end") == []
        case.simulator.advance(9 * DAY + 60)
        assert len(case.simulator.events("customer.subscription.trial_will_end")) == 1
        case.simulator.advance(3 * DAY + 7200)

        assert case.v1.subscriptions.retrieve(made.id).status == "active"

    def test_given_to_a_running_one_credits_what_was_paid(self, case: Case) -> None:
        end = case.simulator.now() + 60 * DAY

        given = case.update(trial_end=end, proration_behavior="always_invoice")

        assert (given.status, given.trial_end) == ("trialing", end)
        assert given.latest_invoice.total == pytest.approx(-2900, abs=3)
        assert given["items"].data[0].current_period_end == end

    def test_without_a_card_may_end_in_an_open_invoice(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any
    ) -> None:
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "trial_period_days": 7,
                "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            }
        )

        simulator.advance(7 * DAY + 7200)

        after = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
        assert (after.status, after.latest_invoice.status) == ("past_due", "open")
