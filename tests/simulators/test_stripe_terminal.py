"""Payments at a reader that is driven through Stripe's servers."""

from typing import Any

import pytest

from tests.simulators.counter_steps import READER, Counter

HELD_S = 2 * 86_400


class TestTaken:
    def test_a_reader_asks_for_a_card_and_takes_it(self, counter: Counter) -> None:
        intent = counter.order(1500)
        before = len(counter.simulator.events())

        asked = counter.send(intent)

        assert (asked.action.status, asked.action.type) == ("in_progress", "process_payment_intent")
        assert asked.action.process_payment_intent.payment_intent == intent.id
        assert counter.look(intent).status == "requires_payment_method"

        assert counter.present().action.status == "succeeded"

        done = counter.look(intent)
        assert (done.status, done.amount_received) == ("succeeded", 1500)
        assert [event["type"] for event in counter.simulator.events()[before:]] == [
            "charge.succeeded",
            "payment_intent.succeeded",
            "terminal.reader.action_succeeded",
        ]

    def test_a_charge_says_what_a_receipt_needs(self, counter: Counter) -> None:
        charge = counter.take(counter.order()).latest_charge

        details = charge.payment_method_details
        assert (details.type, charge.customer, charge.paid) == ("card_present", None, True)
        card = details.card_present
        assert (card.brand, card.last4, card.read_method) == ("visa", "4242", "contactless_emv")
        assert (card.reader, card.location) == (READER, "tml_simulated")
        assert card.capture_before is None
        assert card.receipt.to_dict().keys() == {
            "account_type",
            "application_cryptogram",
            "application_preferred_name",
            "authorization_code",
            "authorization_response_code",
            "cardholder_verification_method",
            "dedicated_file_name",
            "terminal_verification_results",
            "transaction_status_information",
        }
        assert card.receipt.dedicated_file_name == "A0000000031010"

    def test_an_inserted_card_is_proven_by_its_pin(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent)

        counter.simulator.at_reader(READER, "insert")

        card = counter.look(intent).latest_charge.payment_method_details.card_present
        assert card.read_method == "contact_emv"
        assert card.receipt.cardholder_verification_method == "offline_pin"

    def test_a_refund_gives_it_back(self, counter: Counter) -> None:
        intent = counter.take(counter.order(1500))

        refund = counter.v1.refunds.create({"payment_intent": intent.id, "amount": 500})

        assert (refund.status, refund.amount) == ("succeeded", 500)
        assert counter.look(intent).latest_charge.amount_refunded == 500

    def test_it_can_be_disputed(self, counter: Counter) -> None:
        charge = counter.take(counter.order(1500)).latest_charge

        dispute = counter.simulator.dispute(charge.id)

        assert (dispute["amount"], dispute["status"]) == (1500, "needs_response")
        assert dispute["payment_method_details"]["card"]["brand"] == "visa"

    def test_a_receipt_can_be_read(self, counter: Counter) -> None:
        charge = counter.take(counter.order(1500)).latest_charge

        assert "Visa ending in 4242" in counter.simulator.http.get(charge.receipt_url).text


class TestHeld:
    def test_it_is_captured_later_in_part(self, counter: Counter) -> None:
        intent = counter.take(counter.held(1500))

        assert (intent.status, intent.amount_capturable) == ("requires_capture", 1500)
        card = intent.latest_charge.payment_method_details.card_present
        assert card.capture_before == intent.latest_charge.created + HELD_S
        assert counter.told(intent.id)[-2:] == [
            "payment_intent.amount_capturable_updated",
            "terminal.reader.action_succeeded",
        ]

        counter.v1.payment_intents.capture(intent.id, {"amount_to_capture": 900})

        done = counter.look(intent)
        assert (done.status, done.amount_received) == ("succeeded", 900)
        assert done.latest_charge.amount_captured == 900

    def test_it_can_be_given_up(self, counter: Counter) -> None:
        intent = counter.take(counter.held())

        assert counter.v1.payment_intents.cancel(intent.id).status == "canceled"
        assert counter.told(intent.id)[-1] == "payment_intent.canceled"

    def test_what_is_not_captured_within_two_days_is_lost(self, counter: Counter) -> None:
        intent = counter.take(counter.held())

        counter.simulator.advance(HELD_S - 60)
        assert counter.look(intent).status == "requires_capture"
        counter.simulator.advance(120)

        gone = counter.look(intent)
        assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")


class TestTip:
    WISH = {"tipping": {"amount_eligible": 1500}}

    def test_is_added_to_what_was_asked_for(self, counter: Counter) -> None:
        intent = counter.order(1500)
        counter.send(intent, **self.WISH)

        counter.present(tip=200)

        done = counter.look(intent)
        assert (done.amount, done.amount_received) == (1700, 1700)
        assert done.amount_details.tip.amount == 200
        assert done.latest_charge.payment_method_details.card_present.amount_authorized == 1700

    @pytest.mark.parametrize("config", [{}, {**WISH, "skip_tipping": True}], ids=["none", "skip"])
    def test_is_refused_where_none_is_asked_for(self, counter: Counter, config: Any) -> None:
        intent = counter.order(1500)
        counter.send(intent, **config)

        refused = counter.refused(counter.present, tip=200)

        assert refused.param == "amount_tip"
        assert counter.look(intent).status == "requires_payment_method"

    def test_a_declined_card_leaves_the_amount_as_it_was(self, counter: Counter) -> None:
        intent = counter.order(1500)
        counter.send(intent, **self.WISH)

        counter.present(number="4000000000000002", tip=200)

        assert counter.look(intent).amount == 1500


class TestDeclined:
    @pytest.mark.parametrize(
        ("amount", "code"),
        [
            (1501, "call_issuer"),
            (1502, "offline_pin_required"),
            (1503, "online_or_offline_pin_required"),
            (1505, "generic_decline"),
            (1555, "incorrect_pin"),
            (1565, "withdrawal_count_limit_exceeded"),
            (1575, "pin_try_exceeded"),
        ],
    )
    def test_by_the_amount(self, counter: Counter, amount: int, code: str) -> None:
        intent = counter.take(counter.order(amount))

        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error.code == "card_declined"
        assert intent.last_payment_error.decline_code == code
        action = counter.reader().action
        assert (action.status, action.failure_code) == ("failed", "card_declined")
        assert counter.told(intent.id)[-3:] == [
            "charge.failed",
            "payment_intent.payment_failed",
            "terminal.reader.action_failed",
        ]

    @pytest.mark.parametrize(
        ("number", "code", "decline_code"),
        [
            ("4000000000000002", "card_declined", "generic_decline"),
            ("4000000000009995", "card_declined", "insufficient_funds"),
            ("4000000000000069", "expired_card", "expired_card"),
        ],
    )
    def test_by_the_card(self, counter: Counter, number: str, code: str, decline_code: str) -> None:
        intent = counter.take(counter.order(), number)

        assert intent.last_payment_error.decline_code == decline_code
        assert counter.reader().action.failure_code == code

    def test_the_same_payment_is_taken_with_another_card(self, counter: Counter) -> None:
        intent = counter.order()
        counter.take(intent, "4000000000000002")

        done = counter.take(intent, "5555555555554444")

        assert (done.status, done.last_payment_error) == ("succeeded", None)
        assert done.latest_charge.payment_method_details.card_present.brand == "mastercard"

    def test_a_given_card_does_not_go_by_the_amount(self, counter: Counter) -> None:
        assert counter.take(counter.order(1505), "4242424242424242").status == "succeeded"

    def test_a_number_that_no_card_has(self, counter: Counter) -> None:
        counter.send(counter.order())

        assert counter.refused(counter.present, "4242424242424241").param == "card_present[number]"


class TestStopped:
    def test_a_reader_stops_asking_and_tells_nobody(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent)
        before = len(counter.simulator.events())

        assert counter.v1.terminal.readers.cancel_action(READER).action is None

        assert len(counter.simulator.events()) == before
        assert counter.refused(counter.present).code == "payment_method_unexpected"
        assert counter.look(intent).status == "requires_payment_method"

    def test_by_the_customer(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent, enable_customer_cancellation=True)

        reader = counter.simulator.at_reader(READER, "cancel")

        assert reader["action"]["failure_code"] == "customer_canceled"
        assert counter.told(intent.id)[-1] == "terminal.reader.action_failed"
        assert counter.look(intent).status == "requires_payment_method"

    def test_a_payment_that_has_not_begun_is_replaced(self, counter: Counter) -> None:
        first, second = counter.order(1000), counter.order(2000)
        counter.send(first)

        counter.send(second)
        counter.present()

        assert counter.look(first).status == "requires_payment_method"
        assert counter.look(second).status == "succeeded"

    def test_a_payment_that_was_given_up_meanwhile_takes_no_card(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent)
        counter.v1.payment_intents.cancel(intent.id)

        assert counter.present().action.failure_code == "intent_invalid_state"

        assert counter.look(intent).latest_charge is None


class TestNotStarted:
    def test_what_is_taken_is_not_taken_again(self, counter: Counter) -> None:
        intent = counter.take(counter.order())

        assert counter.refused(counter.send, intent).code == "intent_invalid_state"

    def test_a_payment_for_cards_that_are_not_there(self, counter: Counter) -> None:
        intent = counter.v1.payment_intents.create({"amount": 500, "currency": "usd"})

        assert counter.refused(counter.send, intent).param == "payment_intent"

    def test_a_payment_that_there_is_not(self, counter: Counter) -> None:
        intent = counter.order()
        intent.id = "pi_none"

        assert counter.refused(counter.send, intent).code == "resource_missing"

    def test_a_reader_that_is_off(self, counter: Counter) -> None:
        intent = counter.order()
        counter.simulator.set_reader(READER, online=False)

        assert counter.refused(counter.send, intent).code == "terminal_reader_offline"
        assert counter.reader().action is None
        assert counter.reader().status == "offline"

    def test_a_reader_that_is_busy_with_itself(self, counter: Counter) -> None:
        counter.simulator.set_reader(READER, busy=True)

        refused = counter.refused(counter.send, counter.order())

        assert (refused.code, refused.http_status) == ("terminal_reader_busy", 400)

    @pytest.mark.parametrize(("fate", "asks"), [("lost", False), ("received", True)])
    def test_a_command_that_timed_out_may_have_arrived(
        self, counter: Counter, fate: str, *, asks: bool
    ) -> None:
        intent = counter.order()
        counter.simulator.set_reader(READER, times_out=fate)

        assert counter.refused(counter.send, intent).code == "terminal_reader_timeout"

        assert (counter.reader().action is not None) is asks
        assert counter.send(intent).action.status == "in_progress"
