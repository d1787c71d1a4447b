"""How a subscription stands: paused, or behind with its payments."""

from typing import Any

import pytest
import stripe

from tests.simulators.conftest import save_card
from tests.simulators.standing_steps import Case
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


class TestPausedCollection:
    @pytest.mark.parametrize(
        ("behavior", "status"),
        [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")],
    )
    def test_holds_the_renewals_back(self, case: Case, behavior: str, status: str) -> None:
        case.update(pause_collection={"behavior": behavior})

        case.pass_the_end()

        paused = case.now()
        assert (paused.status, paused.latest_invoice.status) == ("active", status)
        assert paused.latest_invoice.attempt_count == 0
        written_off = paused.latest_invoice.status_transitions.marked_uncollectible_at
        assert (written_off is not None) == (status == "uncollectible")

    @pytest.mark.parametrize("credit", [-1000, -1_000_000])
    def test_uses_no_credit_for_what_it_voids(self, case: Case, credit: int) -> None:
        case.v1.customers.update(case.customer.id, {"balance": credit})
        case.update(pause_collection={"behavior": "void"})

        case.pass_the_end()

        assert case.now().latest_invoice.status == "void"
        assert case.v1.customers.retrieve(case.customer.id).balance == credit

    def test_holds_back_what_a_change_costs_too(self, case: Case) -> None:
        case.update(pause_collection={"behavior": "void"})

        changed = case.update(
            items=[{"id": case.item.id, "quantity": 3}], proration_behavior="always_invoice"
        )

        assert changed.latest_invoice.status == "void"

    def test_goes_on_by_itself_at_the_given_time(self, case: Case) -> None:
        resumes = case.simulator.now() + 45 * DAY
        paused = case.update(pause_collection={"behavior": "void", "resumes_at": resumes})
        assert paused.pause_collection.resumes_at == resumes

        case.simulator.advance(46 * DAY)
        assert case.now().pause_collection is None
        case.simulator.advance(20 * DAY)

        assert case.now().latest_invoice.status == "paid"

    def test_goes_on_when_it_is_unset(self, case: Case) -> None:
        case.update(pause_collection={"behavior": "void"})
        case.update(pause_collection="")

        case.pass_the_end()

        assert case.now().latest_invoice.status == "paid"


class TestPaused:
    @pytest.fixture
    def paused(self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any) -> Any:
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "trial_period_days": 7,
                "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            }
        )
        simulator.advance(10 * DAY)
        found = v1.subscriptions.retrieve(made.id)
        assert found.status == "paused"
        return found

    def test_goes_on_with_a_new_period(
        self, simulator: StripeSimulator, v1: Any, customer: Any, paused: Any
    ) -> None:
        save_card(v1, customer, "pm_card_visa")

        resumed = v1.subscriptions.resume(paused.id, {"expand": ["latest_invoice"]})

        assert (resumed.status, resumed.latest_invoice.amount_paid) == ("active", 2900)
        start = resumed["items"].data[0].current_period_start
        assert start == resumed.billing_cycle_anchor
        assert start - paused.billing_cycle_anchor in range(3 * DAY - 5, 3 * DAY + 60)
        assert len(simulator.events("customer.subscription.resumed")) == 1
        simulator.advance(32 * DAY)
        assert len(v1.invoices.list({"subscription": paused.id}).data) == 3

    def test_keeps_its_anchor_if_asked_to(self, v1: Any, customer: Any, paused: Any) -> None:
        save_card(v1, customer, "pm_card_visa")

        resumed = v1.subscriptions.resume(
            paused.id, {"billing_cycle_anchor": "unchanged", "expand": ["latest_invoice"]}
        )

        assert resumed.billing_cycle_anchor == paused.billing_cycle_anchor
        assert 2400 < resumed.latest_invoice.amount_paid < 2900

    def test_is_past_due_when_the_card_does_not_pay(
        self, v1: Any, customer: Any, paused: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        resumed = v1.subscriptions.resume(paused.id, {"expand": ["latest_invoice"]})

        assert (resumed.status, resumed.latest_invoice.status) == ("past_due", "open")

    def test_nothing_else_can_be_resumed(self, case: Case) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="paused"):
            case.v1.subscriptions.resume(case.id)


class TestBehindWithPayments:
    def lose(self, case: Case, **settings: Any) -> Any:
        case.simulator.settings(**settings)
        save_card(case.v1, case.customer, "pm_card_chargeCustomerFail")
        case.pass_the_end()
        return case.now()

    def test_tries_again_as_the_account_says(self, case: Case) -> None:
        behind = self.lose(case, retry_days=[2, 4])
        first = behind.latest_invoice
        case.simulator.advance(2 * DAY)
        second = case.now().latest_invoice

        assert (behind.status, first.attempt_count, second.attempt_count) == ("past_due", 1, 2)
        assert second.next_payment_attempt - first.next_payment_attempt == 4 * DAY
        case.simulator.advance(4 * DAY)
        last = case.now()
        assert (last.status, last.latest_invoice.attempt_count) == ("canceled", 3)
        assert last.latest_invoice.next_payment_attempt is None
        assert last.cancellation_details.reason == "payment_failed"

    def test_a_new_card_makes_it_active_at_once(self, case: Case) -> None:
        behind = self.lose(case)
        good = case.v1.payment_methods.attach("pm_card_visa", {"customer": case.customer.id})

        case.v1.invoices.pay(behind.latest_invoice.id, {"payment_method": good.id})

        assert case.now().status == "active"
        case.simulator.advance(10 * DAY)
        assert case.now().latest_invoice.attempt_count == 1

    def test_unpaid_drafts_go_on_and_the_latest_makes_it_active(self, case: Case) -> None:
        self.lose(case, retry_days=[1], after_retries="unpaid")
        case.simulator.advance(2 * DAY)
        assert case.now().status == "unpaid"
        case.simulator.advance(31 * DAY)
        waiting = case.now()
        assert (waiting.status, waiting.latest_invoice.status) == ("unpaid", "draft")
        good = case.v1.payment_methods.attach("pm_card_visa", {"customer": case.customer.id})

        case.v1.invoices.pay(waiting.latest_invoice.id, {"payment_method": good.id})

        assert case.now().status == "active"
