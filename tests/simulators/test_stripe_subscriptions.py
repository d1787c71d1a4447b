"""The create matrix: what becomes of a new subscription, by trial, behaviour and card."""

from typing import Any

import pytest
import stripe

from tests.simulators.conftest import save_card
from tests.simulators.stripe.client import StripeSimulator

EXPAND = [
    "latest_invoice.confirmation_secret",
    "latest_invoice.payments",
    "pending_setup_intent",
]


def subscribe(v1: Any, customer: Any, price: Any, **more: Any) -> Any:
    wish = {"customer": customer.id, "items": [{"price": price.id}], "expand": EXPAND, **more}
    return v1.subscriptions.create(wish)


def intent_of(v1: Any, subscription: Any) -> Any:
    payment = subscription.latest_invoice.payments.data[0].payment
    return v1.payment_intents.retrieve(payment.payment_intent)


class TestWithACardThatPays:
    def test_is_active_with_a_paid_invoice(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)

        assert made.status == "active"
        assert made.latest_invoice.status == "paid"
        assert made.latest_invoice.amount_paid == 2900
        assert made.latest_invoice.attempt_count == 1
        assert intent_of(v1, made).status == "succeeded"

    def test_keeps_its_period_on_the_items_only(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price).to_dict()

        item = made["items"]["data"][0]
        assert item["current_period_start"] == made["billing_cycle_anchor"]
        assert item["current_period_end"] > item["current_period_start"]
        assert "current_period_end" not in made

    def test_default_incomplete_waits_for_the_confirmation(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")

        assert made.status == "incomplete"
        assert made.latest_invoice.status == "open"
        assert made.latest_invoice.attempt_count == 0
        assert intent_of(v1, made).status == "requires_confirmation"
        secret = made.latest_invoice.confirmation_secret.client_secret
        assert secret == intent_of(v1, made).client_secret

    def test_confirming_the_intent_activates(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")

        v1.payment_intents.confirm(intent_of(v1, made).id)

        assert v1.subscriptions.retrieve(made.id).status == "active"
        assert v1.invoices.retrieve(made.latest_invoice.id).status == "paid"

    def test_saves_the_paying_card_when_asked_to(self, v1: Any, customer: Any, price: Any) -> None:
        made = subscribe(
            v1,
            customer,
            price,
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
        )

        paid = v1.payment_intents.confirm(
            intent_of(v1, made).id, {"payment_method": "pm_card_mastercard"}
        )

        assert v1.subscriptions.retrieve(made.id).default_payment_method == paid.payment_method
        assert v1.payment_methods.retrieve(paid.payment_method).customer == customer.id


class TestWithoutACard:
    def test_default_incomplete_offers_a_secret(self, v1: Any, customer: Any, price: Any) -> None:
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")

        assert made.status == "incomplete"
        assert intent_of(v1, made).status == "requires_payment_method"

    def test_allow_incomplete_is_refused(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
            subscribe(v1, customer, price)

        assert simulator.objects("subscription") == []

    def test_a_trial_is_free_and_asks_for_a_card(self, v1: Any, customer: Any, price: Any) -> None:
        made = subscribe(v1, customer, price, trial_period_days=14)

        assert made.status == "trialing"
        assert made.trial_end - made.trial_start == 14 * 86_400
        assert made.latest_invoice.amount_due == 0
        assert made.latest_invoice.status == "paid"
        assert made.latest_invoice.payments.data == []
        assert made.pending_setup_intent.status == "requires_payment_method"

    def test_send_invoice_is_active_at_once(self, v1: Any, customer: Any, price: Any) -> None:
        made = subscribe(v1, customer, price, collection_method="send_invoice", days_until_due=30)

        assert made.status == "active"
        assert made.latest_invoice.status == "draft"


class TestWithACardThatDoesNotPay:
    def test_allow_incomplete_keeps_the_decline(self, v1: Any, customer: Any, price: Any) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        made = subscribe(v1, customer, price)

        assert made.status == "incomplete"
        assert made.latest_invoice.status == "open"
        assert made.latest_invoice.attempt_count == 1
        assert intent_of(v1, made).status == "requires_payment_method"
        assert intent_of(v1, made).last_payment_error.decline_code == "generic_decline"

    def test_error_if_incomplete_keeps_nothing(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any
    ) -> None:
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        with pytest.raises(stripe.CardError) as refused:
            subscribe(v1, customer, price, payment_behavior="error_if_incomplete")

        assert refused.value.http_status == 402
        assert refused.value.code == "card_declined"
        for kind in ("subscription", "invoice", "payment_intent", "charge"):
            assert simulator.objects(kind) == []

    def test_a_card_that_wants_3ds_waits_for_its_holder(
        self, v1: Any, customer: Any, price: Any
    ) -> None:
        save_card(v1, customer, "pm_card_authenticationRequired")

        made = subscribe(v1, customer, price)

        assert made.status == "incomplete"
        assert intent_of(v1, made).status == "requires_action"
        assert intent_of(v1, made).next_action.type == "use_stripe_sdk"

    def test_voiding_the_first_invoice_expires_it(self, v1: Any, customer: Any, price: Any) -> None:
        made = subscribe(v1, customer, price, payment_behavior="default_incomplete")

        v1.invoices.void_invoice(made.latest_invoice.id)

        assert v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
        assert v1.payment_intents.retrieve(intent_of(v1, made).id).status == "canceled"


@pytest.mark.parametrize(
    ("name", "decline_code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    ],
)
def test_a_refused_card_cannot_be_saved(
    simulator: StripeSimulator, v1: Any, customer: Any, name: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        v1.payment_methods.attach(name, {"customer": customer.id})

    assert refused.value.error is not None
    assert refused.value.error.decline_code == decline_code
    assert v1.customers.payment_methods.list(customer.id).data == []


class TestEnding:
    def test_cancel_ends_at_once(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        made = subscribe(v1, customer, price)

        ended = v1.subscriptions.cancel(made.id)

        assert ended.status == "canceled"
        assert ended.ended_at is not None
        assert v1.subscriptions.list({"customer": customer.id}).data == []
        listed = v1.subscriptions.list({"customer": customer.id, "status": "all"}).data
        assert [row.id for row in listed] == [made.id]

    def test_ending_stops_the_automatic_collection(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        simulator.advance(32 * 86_400)
        assert v1.subscriptions.retrieve(made.id).status == "past_due"

        v1.subscriptions.cancel(made.id)
        simulator.advance(30 * 86_400)

        left = simulator.objects("invoice")[-1]
        assert (left["status"], left["auto_advance"]) == ("open", False)
        assert left["attempt_count"] == 1

    def test_cancel_at_period_end_waits(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)

        v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        assert v1.subscriptions.retrieve(made.id).status == "active"
        simulator.advance(32 * 86_400)

        assert v1.subscriptions.retrieve(made.id).status == "canceled"
        assert len(simulator.objects("invoice")) == 1


class TestChanging:
    def change(self, v1: Any, made: Any, **more: Any) -> Any:
        item = made["items"].data[0].id
        return v1.subscriptions.update(
            made.id, {"items": [{"id": item, "quantity": 3}], "expand": EXPAND[:2], **more}
        )

    def test_prorations_wait_for_the_next_invoice(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        simulator.advance(15 * 86_400)

        changed = self.change(v1, made)

        entries = simulator.objects("invoiceitem")
        assert changed["items"].data[0].quantity == 3
        assert [entry["amount"] > 0 for entry in entries] == [False, True]
        assert entries[1]["amount"] == -3 * entries[0]["amount"]
        simulator.advance(17 * 86_400)
        renewal = simulator.objects("invoice")[-1]
        assert renewal["total"] == 3 * 2900 + sum(entry["amount"] for entry in entries)
        assert len(renewal["lines"]["data"]) == 3

    def test_always_invoice_charges_at_once(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)

        changed = self.change(v1, made, proration_behavior="always_invoice")

        assert changed.latest_invoice.billing_reason == "subscription_update"
        assert changed.latest_invoice.amount_paid == pytest.approx(2 * 2900, abs=2)

    def test_none_changes_the_quantity_only(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)

        self.change(v1, made, proration_behavior="none")

        assert simulator.objects("invoiceitem") == []

    def test_error_if_incomplete_changes_nothing(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        made = subscribe(v1, customer, price)
        save_card(v1, customer, "pm_card_chargeCustomerFail")

        with pytest.raises(stripe.CardError):
            self.change(
                v1,
                made,
                proration_behavior="always_invoice",
                payment_behavior="error_if_incomplete",
            )

        kept = v1.subscriptions.retrieve(made.id)
        assert kept["items"].data[0].quantity == 1
        assert kept.latest_invoice == made.latest_invoice.id
