"""What other clients than the SDK lean on: Stripe's own CLI above all."""

from typing import Any

import httpx
import pytest
import stripe as sdk

from tests.simulators.stripe.client import StripeSimulator


@pytest.fixture
def session(v1: Any, price: Any) -> Any:
    """An open checkout of a subscription."""
    return v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "http://127.0.0.1/done",
            "customer_email": "ada@example.test",
        }
    )


class TestPaymentPages:
    def confirm(self, simulator: StripeSimulator, session: Any, **form: str) -> httpx.Response:
        return simulator.api("POST", f"/v1/payment_pages/{session.id}/confirm", form)

    def test_complete_a_session_as_its_page_does(
        self, simulator: StripeSimulator, v1: Any, session: Any
    ) -> None:
        shown = simulator.api("GET", f"/v1/payment_pages/{session.id}").json()
        assert (shown["id"], shown["amount_total"]) == (session.id, 2900)

        done = self.confirm(
            simulator, session, payment_method="pm_card_visa", expected_amount="2900"
        )

        assert done.json()["status"] == "complete"
        assert len(simulator.events("checkout.session.completed")) == 1
        (customer,) = v1.customers.list().data
        assert customer.email == "ada@example.test"

    @pytest.mark.parametrize(
        ("form", "status", "message"),
        [
            ({"payment_method": "pm_card_chargeDeclined"}, 402, "Your card was declined."),
            (
                {"payment_method": "pm_card_visa", "expected_amount": "1"},
                400,
                "The amount of the session is another one.",
            ),
            ({}, 400, "Missing required param: payment_method."),
        ],
    )
    def test_refuse_what_the_page_would(
        self,
        simulator: StripeSimulator,
        v1: Any,
        session: Any,
        form: dict[str, str],
        status: int,
        message: str,
    ) -> None:
        refused = self.confirm(simulator, session, **form)

        assert (refused.status_code, refused.json()["error"]["message"]) == (status, message)
        assert v1.checkout.sessions.retrieve(session.id).status == "open"

    def test_are_closed_with_their_session(
        self, simulator: StripeSimulator, v1: Any, session: Any
    ) -> None:
        v1.checkout.sessions.expire(session.id)

        refused = self.confirm(simulator, session, payment_method="pm_card_visa")

        assert refused.json()["error"]["message"] == "This Checkout Session is no longer active."


class TestFirstCard:
    def test_comes_with_the_customer_and_is_its_default(self, v1: Any) -> None:
        made = v1.customers.create(
            {
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        )

        (card,) = v1.customers.payment_methods.list(made.id).data
        assert card.card.last4 == "4242"
        assert made.invoice_settings.default_payment_method == card.id

    def test_leaves_no_customer_when_it_is_declined(self, v1: Any) -> None:
        with pytest.raises(sdk.CardError, match="declined"):
            v1.customers.create({"payment_method": "pm_card_chargeDeclined"})

        assert v1.customers.list().data == []


class TestTokens:
    def test_are_named_as_the_cards_are(self, v1: Any) -> None:
        made = v1.payment_methods.create(
            {"type": "card", "card": {"token": "tok_chargeCustomerFail"}}
        )

        assert made.card.last4 == "0341"

    def test_an_unknown_one_is_refused(self, v1: Any) -> None:
        with pytest.raises(sdk.InvalidRequestError, match="No such token: 'tok_other'"):
            v1.payment_methods.create({"type": "card", "card": {"token": "tok_other"}})


def test_an_updated_refund_is_told_under_both_names(simulator: StripeSimulator, v1: Any) -> None:
    paid = v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
        }
    )
    refund = v1.refunds.create({"payment_intent": paid.id})

    v1.refunds.update(refund.id, {"metadata": {"a": "1"}})
    v1.refunds.update(refund.id, {"metadata": {"a": "1"}})

    told = [event for event in simulator.events() if event["type"].endswith("refund.updated")]
    assert [event["type"] for event in told] == ["refund.updated", "charge.refund.updated"]
    for event in told:
        assert event["data"]["previous_attributes"] == {"metadata": {"a": None}}


def test_a_clock_says_that_it_advances_before_it_is_ready(
    simulator: StripeSimulator, v1: Any
) -> None:
    clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_577_836_800})

    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_577_923_200})

    told = [event["data"]["object"] for event in simulator.events()[1:]]
    assert [(one["status"], one["frozen_time"]) for one in told] == [
        ("advancing", 1_577_836_800),
        ("ready", 1_577_923_200),
    ]


class TestDisputingCards:
    @pytest.mark.parametrize(
        ("name", "reason", "status"),
        [
            ("pm_card_createDispute", "fraudulent", "needs_response"),
            (
                "pm_card_createDisputeProductNotReceived",
                "product_not_received",
                "needs_response",
            ),
            ("pm_card_createDisputeInquiry", "general", "warning_needs_response"),
        ],
    )
    def test_pay_and_are_disputed_at_once(
        self, simulator: StripeSimulator, v1: Any, name: str, reason: str, status: str
    ) -> None:
        paid = v1.payment_intents.create(
            {
                "amount": 500,
                "currency": "usd",
                "confirm": True,
                "payment_method": name,
                "payment_method_types": ["card"],
            }
        )

        (dispute,) = v1.disputes.list({"payment_intent": paid.id}).data

        assert paid.status == "succeeded"
        assert (dispute.reason, dispute.status, dispute.amount) == (reason, status, 500)
        taken = simulator.events("charge.dispute.funds_withdrawn")
        assert len(taken) == (status == "needs_response")


class TestTrialEndedByRequest:
    @pytest.mark.parametrize(
        ("behavior", "status", "event"),
        [("pause", "paused", "paused"), ("cancel", "canceled", "deleted")],
    )
    def test_goes_as_its_settings_say_without_a_card(
        self,
        simulator: StripeSimulator,
        v1: Any,
        customer: Any,
        price: Any,
        behavior: str,
        status: str,
        event: str,
    ) -> None:
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "trial_period_days": 7,
                "trial_settings": {"end_behavior": {"missing_payment_method": behavior}},
            }
        )

        ended = v1.subscriptions.update(made.id, {"trial_end": "now"})

        assert ended.status == status
        assert ended.trial_end < made.trial_end
        assert len(simulator.events(f"customer.subscription.{event}")) == 1
        assert [one.status for one in v1.invoices.list().data] == ["paid"], "only the trial's own"

    def test_is_charged_with_a_card(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "trial_period_days": 7,
                "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            }
        )

        ended = v1.subscriptions.update(made.id, {"trial_end": "now"})

        assert ended.status == "active"
        assert v1.invoices.retrieve(ended.latest_invoice).amount_paid == 2900
