"""Subscription items one by one, and changes that wait until they are paid."""

from typing import Any

import pytest
import stripe

from tests.simulators.conftest import save_card
from tests.simulators.stripe.client import StripeSimulator

DAY = 86_400


@pytest.fixture
def made(v1: Any, customer: Any, price: Any, card: Any) -> Any:
    return v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


@pytest.fixture
def extra(v1: Any, price: Any) -> Any:
    return v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
        }
    )


class TestItems:
    def test_are_added_changed_and_taken_off(self, v1: Any, made: Any, extra: Any) -> None:
        added = v1.subscription_items.create(
            {"subscription": made.id, "price": extra.id, "quantity": 2, "metadata": {"a": "1"}}
        )
        changed = v1.subscription_items.update(added.id, {"quantity": 5})
        listed = v1.subscription_items.list({"subscription": made.id}).data
        gone = v1.subscription_items.delete(added.id, {"proration_behavior": "none"})

        assert (added.quantity, added.metadata.a, changed.quantity) == (2, "1", 5)
        assert {item.id for item in listed} == {made["items"].data[0].id, added.id}
        assert gone.deleted
        assert len(v1.subscriptions.retrieve(made.id)["items"].data) == 1
        with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
            v1.subscription_items.retrieve(added.id)

    def test_are_invoiced_at_once_when_asked_to(self, v1: Any, made: Any, extra: Any) -> None:
        v1.subscription_items.create(
            {"subscription": made.id, "price": extra.id, "proration_behavior": "always_invoice"}
        )

        bill = v1.invoices.retrieve(v1.subscriptions.retrieve(made.id).latest_invoice)
        assert (bill.billing_reason, bill.amount_paid) == ("subscription_update", 1000)

    def test_the_last_one_stays(self, v1: Any, made: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="at least one active item"):
            v1.subscription_items.delete(made["items"].data[0].id)

        assert len(v1.subscriptions.retrieve(made.id)["items"].data) == 1


class TestAnUpdateThatWaits:
    def ask(self, v1: Any, made: Any, **more: Any) -> Any:
        return v1.subscriptions.update(
            made.id,
            {
                "items": [{"id": made["items"].data[0].id, "quantity": 4}],
                "payment_behavior": "pending_if_incomplete",
                "proration_behavior": "always_invoice",
                "expand": ["latest_invoice"],
                **more,
            },
        )

    def test_holds_at_once_if_its_invoice_is_paid(self, v1: Any, made: Any) -> None:
        changed = self.ask(v1, made)

        assert changed.pending_update is None
        assert changed["items"].data[0].quantity == 4
        assert changed.latest_invoice.status == "paid"

    def test_changes_nothing_until_its_invoice_is_paid(
        self, simulator: StripeSimulator, v1: Any, customer: Any, made: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        waiting = self.ask(v1, made)

        assert waiting.status == "active"
        assert waiting["items"].data[0].quantity == 1
        assert waiting.pending_update.subscription_items[0].quantity == 4
        assert waiting.latest_invoice.status == "open"
        good = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        v1.invoices.pay(waiting.latest_invoice.id, {"payment_method": good.id})
        after = v1.subscriptions.retrieve(made.id)
        assert (after.pending_update, after["items"].data[0].quantity) == (None, 4)
        assert v1.subscription_items.retrieve(made["items"].data[0].id).quantity == 4
        assert len(simulator.events("customer.subscription.pending_update_applied")) == 1

    def test_is_given_up_after_23_hours(
        self, simulator: StripeSimulator, v1: Any, customer: Any, made: Any
    ) -> None:
        save_card(v1, customer, "pm_card_authenticationRequired")
        waiting = self.ask(v1, made)

        simulator.advance(23 * 3600 + 60)

        after = v1.subscriptions.retrieve(made.id)
        assert (after.status, after.pending_update) == ("active", None)
        assert after["items"].data[0].quantity == 1
        assert v1.invoices.retrieve(waiting.latest_invoice.id).status == "void"
        assert len(simulator.events("customer.subscription.pending_update_expired")) == 1

    def test_is_for_what_costs_something_only(self, v1: Any, made: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            self.ask(v1, made, metadata={"a": "1"})

        assert refused.value.param == "metadata"

    def test_gives_way_to_the_next_one(
        self, simulator: StripeSimulator, v1: Any, customer: Any, made: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        first = self.ask(v1, made)
        v1.subscriptions.update(made.id, {"metadata": {"a": "1"}})
        assert v1.subscriptions.retrieve(made.id).pending_update is not None
        save_card(v1, customer, "pm_card_visa")
        item = made["items"].data[0]

        second = self.ask(v1, made, items=[{"id": item.id, "quantity": 2}])

        assert (second.pending_update, second["items"].data[0].quantity) == (None, 2)
        assert v1.invoices.retrieve(first.latest_invoice.id).status == "void"
        credit, debit = (line.amount for line in second.latest_invoice.lines.data)
        assert debit == pytest.approx(-2 * credit, abs=1)

    def test_credits_nothing_that_was_voided(
        self, simulator: StripeSimulator, v1: Any, customer: Any, made: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        waiting = self.ask(v1, made)
        v1.invoices.void_invoice(waiting.latest_invoice.id)
        save_card(v1, customer, "pm_card_visa")
        how = {"proration_date": simulator.now()}

        changed = self.ask(v1, made, **how)

        length = (
            made["items"].data[0].current_period_end - made["items"].data[0].current_period_start
        )
        left = (made["items"].data[0].current_period_end - how["proration_date"]) / length
        amounts = [line.amount for line in changed.latest_invoice.lines.data]
        assert amounts == [-round(2900 * left), round(4 * 2900 * left)]


def test_default_incomplete_leaves_a_change_past_due_until_it_is_paid(v1: Any, made: Any) -> None:
    changed = v1.subscriptions.update(
        made.id,
        {
            "items": [{"id": made["items"].data[0].id, "quantity": 4}],
            "payment_behavior": "default_incomplete",
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice.confirmation_secret"],
        },
    )
    assert changed.status == "past_due"
    intent = changed.latest_invoice.confirmation_secret.client_secret.partition("_secret")[0]

    v1.payment_intents.confirm(intent)

    assert v1.subscriptions.retrieve(made.id).status == "active"
