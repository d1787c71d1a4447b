"""Payments in person through Stripe's driver: opened, sent to a reader, stopped there."""

from typing import Any

import pytest

from billing.drivers.base import ObjectMissing, OutcomeUnknown, ReaderBusy, ReaderOffline
from billing.types import ReaderRef, SaleSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_terminal_cases import Till, find, intent, run

pytestmark = pytest.mark.usefixtures("short_pauses")


class TestOpen:
    @pytest.mark.parametrize(("at_once", "method"), [(True, "automatic"), (False, "manual")])
    def test_makes_an_intent_that_carries_our_names(
        self, till: Till, method: str, *, at_once: bool
    ) -> None:
        order = till.order(is_captured_at_once=at_once)

        made = build.driver().open_sale(order, idempotency_key=build.new_key())

        assert (made.state, made.currency, made.authorized_minor) == ("requires_terminal", "USD", 0)
        raw = intent(till, made.external_id)
        assert made.client_secret == raw["client_secret"]
        assert made.client_secret not in repr(made)
        assert (raw["amount"], raw["capture_method"]) == (1500, method)
        assert raw["payment_method_types"] == ["card_present"]
        assert raw["metadata"] == {
            "basket": "b1",
            "till_payment_id": str(order.payment_id),
            "till_organization_id": str(order.organization_id),
        }

    def test_the_same_key_makes_one(self, till: Till) -> None:
        order, key = till.order(), build.new_key()

        made = {build.driver().open_sale(order, idempotency_key=key).external_id for _ in "ab"}

        assert len(made) == 1


class TestRun:
    def test_has_the_reader_ask_for_a_card(self, till: Till) -> None:
        order = till.opened()

        assert run(order) == SaleSnapshot(order.external_id, "in_progress", "USD")

        action = till.stripe.api("GET", f"/v1/terminal/readers/{till.reader}").json()["action"]
        assert action["process_payment_intent"] == {
            "payment_intent": order.external_id,
            "process_config": {"enable_customer_cancellation": True, "skip_tipping": True},
        }

    def test_asks_for_a_tip_where_that_is_wanted(self, till: Till) -> None:
        till.started(asks_for_tip=True)

        action = till.stripe.api("GET", f"/v1/terminal/readers/{till.reader}").json()["action"]
        assert action["process_payment_intent"]["process_config"] == {
            "enable_customer_cancellation": True,
            "skip_tipping": False,
            "tipping": {"amount_eligible": 1500},
        }

    def test_the_same_key_starts_once(self, till: Till) -> None:
        order, key = till.opened(), build.new_key()
        build.driver().run_sale(order, idempotency_key=key)
        till.stripe.at_reader(till.reader, "cancel")

        again = build.driver().run_sale(order, idempotency_key=key)

        assert again.state == "in_progress"
        assert find(order).state == "canceled"

    @pytest.mark.parametrize(
        ("does", "state"), [("tap", "succeeded"), ("decline", "declined"), ("cancel", "canceled")]
    )
    def test_may_be_over_before_it_is_answered(self, till: Till, does: str, state: str) -> None:
        till.stripe.set_reader(till.reader, cardholder={"does": does, "at_once": True})

        assert run(till.opened()).state == state

    def test_over_at_once_and_then_no_answer_is_unknown(self, till: Till) -> None:
        till.stripe.set_reader(till.reader, cardholder={"does": "tap", "at_once": True})
        order = till.opened()
        till.stripe.add_fault(method="GET", path="/payment_intents/", status=500, times=3)

        with pytest.raises(OutcomeUnknown):
            run(order)

    def test_one_that_is_paid_already_is_returned_as_it_is(self, till: Till) -> None:
        order = till.taken()

        assert run(order).state == "succeeded"

    @pytest.mark.parametrize("how", [{"busy": True}, {"authorizes_s": 600}], ids=["self", "card"])
    def test_an_occupied_reader_started_nothing(self, till: Till, how: Any) -> None:
        till.stripe.set_reader(till.reader, **how)
        if not how.get("busy"):
            till.started()
            till.stripe.at_reader(till.reader)
        order = till.opened()

        with pytest.raises(ReaderBusy) as refused:
            run(order)

        assert (refused.value.code, refused.value.detail) == ("API_ERROR", "terminal_reader_busy")
        assert find(order).state == "requires_terminal"

    def test_a_reader_that_is_off_started_nothing(self, till: Till) -> None:
        till.stripe.set_reader(till.reader, online=False)
        order = till.opened()

        with pytest.raises(ReaderOffline) as refused:
            run(order)

        assert refused.value.detail == "terminal_reader_offline"
        assert find(order).state == "requires_terminal"

    @pytest.mark.parametrize(
        ("fate", "state"), [("lost", "requires_terminal"), ("received", "in_progress")]
    )
    def test_a_command_that_timed_out_is_unknown(self, till: Till, fate: str, state: str) -> None:
        order = till.opened()
        till.stripe.set_reader(till.reader, times_out=fate)

        with pytest.raises(OutcomeUnknown) as lost:
            run(order)

        assert lost.value.detail == "terminal_reader_timeout"
        assert find(order).state == state

    @pytest.mark.parametrize(
        ("action", "state"),
        [("reset_before", "requires_terminal"), ("reset_after", "in_progress")],
    )
    def test_a_lost_answer_is_found_by_asking(self, till: Till, action: str, state: str) -> None:
        order = till.opened()
        till.stripe.add_fault(method="POST", path="/process_payment_intent$", action=action)

        with pytest.raises(OutcomeUnknown):
            run(order)

        assert find(order).state == state

    def test_a_reader_that_there_is_not(self, till: Till) -> None:
        order = till.opened(reader=ReaderRef("tmr_none"))

        with pytest.raises(ObjectMissing):
            run(order)


class TestStop:
    def test_the_reader_asks_no_more(self, till: Till) -> None:
        order = till.started()

        build.driver().stop_sale(order)

        assert find(order).state == "requires_terminal"

    def test_what_the_reader_does_for_others_goes_on(self, till: Till) -> None:
        order = till.opened()
        other = till.started()

        build.driver().stop_sale(order)

        assert find(other).state == "in_progress"

    def test_what_is_over_is_left_alone(self, till: Till) -> None:
        order = till.taken()

        build.driver().stop_sale(order)

        assert find(order).state == "succeeded"

    def test_not_while_the_issuer_is_asked(self, till: Till) -> None:
        order = till.started()
        till.stripe.set_reader(till.reader, authorizes_s=600)
        till.stripe.at_reader(till.reader)

        with pytest.raises(ReaderBusy):
            build.driver().stop_sale(order)

    def test_not_a_reader_that_is_off(self, till: Till) -> None:
        order = till.started()
        till.stripe.set_reader(till.reader, online=False)

        with pytest.raises(ReaderOffline):
            build.driver().stop_sale(order)

    def test_can_be_done_again_with_what_is_started_again(self, till: Till) -> None:
        order = till.started()
        build.driver().stop_sale(order)
        run(order)

        build.driver().stop_sale(order)

        assert find(order).state == "requires_terminal"
