"""Who stands at a reader, and what is lost on the way: the switches of the counter."""

import pathlib
from typing import Any

import pytest
import stripe as sdk

from tests.simulators.counter_steps import READER, Counter
from tests.simulators.stripe.client import StripeSimulator


class TestOfItself:
    def test_a_cardholder_acts_after_a_while(self, counter: Counter) -> None:
        counter.simulator.stop_clock()
        counter.simulator.set_reader(READER, cardholder={"does": "tap", "after_s": 30})
        intent = counter.order()
        counter.send(intent)

        counter.simulator.advance(29)
        assert counter.look(intent).status == "requires_payment_method"
        counter.simulator.advance(1)

        assert counter.look(intent).status == "succeeded"

    @pytest.mark.parametrize(
        ("does", "status", "code"),
        [
            ("tap", "succeeded", None),
            ("decline", "failed", "card_declined"),
            ("cancel", "failed", "customer_canceled"),
        ],
    )
    def test_or_at_once(self, counter: Counter, does: str, status: str, code: str | None) -> None:
        counter.simulator.set_reader(READER, cardholder={"does": does, "at_once": True})

        action = counter.send(counter.order()).action

        assert (action.status, action.failure_code) == (status, code)

    def test_with_a_card_and_a_tip(self, counter: Counter) -> None:
        how = {"at_once": True, "number": "5555555555554444", "tip": 100}
        counter.simulator.set_reader(READER, cardholder=how)
        intent = counter.order(1500)

        counter.send(intent, tipping={"amount_eligible": 1500})

        done = counter.look(intent)
        assert done.amount_received == 1600
        assert done.latest_charge.payment_method_details.card_present.last4 == "4444"

    def test_not_for_a_payment_that_was_replaced(self, counter: Counter) -> None:
        counter.simulator.stop_clock()
        counter.simulator.set_reader(READER, cardholder={"after_s": 30})
        first, second = counter.order(1000), counter.order(2000)
        counter.send(first)
        counter.simulator.advance(20)
        counter.send(second)

        counter.simulator.advance(10)
        assert counter.look(second).status == "requires_payment_method"
        counter.simulator.advance(20)

        assert counter.look(first).status == "requires_payment_method"
        assert counter.look(second).status == "succeeded"

    def test_not_at_a_reader_that_was_stopped_or_switched_off(self, counter: Counter) -> None:
        counter.simulator.stop_clock()
        counter.simulator.set_reader(READER, cardholder={"after_s": 30})
        intent = counter.order()
        counter.send(intent)
        counter.v1.terminal.readers.cancel_action(READER)
        counter.simulator.advance(60)
        counter.send(intent)
        counter.simulator.set_reader(READER, online=False)

        counter.simulator.advance(60)

        assert counter.look(intent).status == "requires_payment_method"

    @pytest.mark.parametrize("how", [{"does": "dance"}, {"soon": True}], ids=["deed", "setting"])
    def test_only_what_there_is(self, counter: Counter, how: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="a cardholder has"):
            counter.simulator.set_reader(READER, cardholder=how)


class TestWhileTheIssuerIsAsked:
    def authorizing(self, counter: Counter, seconds: int = 10) -> Any:
        counter.simulator.stop_clock()
        counter.simulator.set_reader(READER, authorizes_s=seconds)
        intent = counter.order()
        counter.send(intent)
        counter.present()
        return intent

    def test_it_lasts(self, counter: Counter) -> None:
        intent = self.authorizing(counter)
        assert counter.reader().action.status == "in_progress"

        counter.simulator.advance(10)

        assert counter.look(intent).status == "succeeded"
        assert counter.reader().action.status == "succeeded"

    def test_the_reader_takes_no_command(self, counter: Counter) -> None:
        self.authorizing(counter)

        stopped = counter.refused(counter.v1.terminal.readers.cancel_action, READER)
        started = counter.refused(counter.send, counter.order())

        assert {stopped.code, started.code} == {"terminal_reader_busy"}

    def test_the_payment_can_not_be_given_up(self, counter: Counter) -> None:
        intent = self.authorizing(counter)

        with pytest.raises(sdk.RateLimitError) as refused:
            counter.v1.payment_intents.cancel(intent.id)

        assert refused.value.error is not None
        assert refused.value.error.code == "lock_timeout"
        assert counter.simulator.issuer_answers(READER)["action"]["status"] == "succeeded"
        assert counter.look(intent).status == "succeeded"

    def test_another_payment_can_be(self, counter: Counter) -> None:
        other = counter.order()
        counter.send(other)
        self.authorizing(counter)

        assert counter.v1.payment_intents.cancel(other.id).status == "canceled"

    def test_nor_another_card(self, counter: Counter) -> None:
        self.authorizing(counter)

        assert counter.refused(counter.present).code == "payment_method_unexpected"

    def test_a_reader_that_is_unplugged_meanwhile_never_says_how_it_ended(
        self, counter: Counter
    ) -> None:
        intent = self.authorizing(counter)
        counter.simulator.set_reader(READER, online=False)

        counter.simulator.advance(10)

        assert counter.look(intent).status == "succeeded"
        assert counter.reader().action.status == "in_progress"
        assert "terminal.reader.action_succeeded" not in counter.told(intent.id)


class TestLost:
    def test_unplugged_before_the_card(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent)

        counter.simulator.at_reader(READER, "unplug")

        assert counter.reader().action.status == "in_progress"
        refused = counter.refused(counter.v1.terminal.readers.cancel_action, READER)
        assert refused.code == "terminal_reader_offline"
        with pytest.raises(ValueError, match="switched off"):
            counter.simulator.at_reader(READER)
        counter.simulator.set_reader(READER, online=True)
        assert counter.v1.terminal.readers.cancel_action(READER).action is None
        assert counter.look(intent).latest_charge is None

    def test_unplugged_after_the_card_was_approved(self, counter: Counter) -> None:
        intent = counter.order()
        counter.send(intent)

        counter.simulator.at_reader(READER, "tap_unplug")

        assert counter.look(intent).status == "succeeded"
        reader = counter.reader()
        assert (reader.status, reader.action.status) == ("offline", "in_progress")

    @pytest.mark.parametrize(
        ("does", "status"),
        [("tap_unheard", "succeeded"), ("unheard", "requires_payment_method")],
    )
    def test_without_a_connection_a_reader_does_not_know(
        self, counter: Counter, does: str, status: str
    ) -> None:
        intent = counter.order()
        counter.send(intent)

        counter.simulator.at_reader(READER, does)

        assert counter.reader().action.failure_code == "connection_error"
        assert counter.look(intent).status == status


class TestSwitches:
    def test_only_what_there_is(self, counter: Counter) -> None:
        for wrong in ({"mood": "bad"}, {"times_out": "maybe"}):
            with pytest.raises(ValueError, match=r"settings|times_out"):
                counter.simulator.set_reader(READER, **wrong)
        with pytest.raises(ValueError, match="No such terminal reader"):
            counter.simulator.set_reader("tmr_none", online=False)

    def test_nobody_acts_where_nothing_is_asked(self, counter: Counter) -> None:
        with pytest.raises(ValueError, match="does not ask for anything"):
            counter.simulator.at_reader(READER)


def test_a_payment_at_a_reader_survives_the_process(tmp_path: pathlib.Path) -> None:
    wish = {"amount": 1500, "currency": "usd", "payment_method_types[0]": "card_present"}
    process = f"/v1/terminal/readers/{READER}/process_payment_intent"
    with StripeSimulator.start(state_dir=tmp_path) as first:
        first.set_reader(READER, cardholder={"after_s": 60}, authorizes_s=5)
        intent = first.api("POST", "/v1/payment_intents", wish).json()["id"]
        first.api("POST", process, {"payment_intent": intent})

    with StripeSimulator.start(state_dir=tmp_path) as second:
        second.advance(70)

        assert len(second.objects("terminal.reader")) == 1
        found = second.api("GET", f"/v1/payment_intents/{intent}").json()
        assert found["status"] == "succeeded"
