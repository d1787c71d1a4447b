"""Payments in person at the simulated Stripe that are not paid, or of which an answer is lost."""

from typing import Any

import pytest

from billing.enums import AttemptState
from billing.errors import TerminalBusy, TerminalOffline
from billing.models import PaymentAttempt, PaymentFact
from orgs import clock
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.services import asking, canceling, ending, processing
from tests.billing import stripe_terminal_cases
from tests.simulators.stripe.client import StripeSimulator
from tests.terminals.stripe_steps import Counter, again, open_counter, unhandled

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(stripe: StripeSimulator, org: Organization) -> Counter:
    return open_counter(stripe, org)


class TestNotPaid:
    def test_a_declined_card_can_be_followed_by_another(self, counter: Counter) -> None:
        payment = counter.sell()
        counter.act(number=stripe_terminal_cases.NO_FUNDS)
        counter.told()
        declined = again(payment)
        assert (declined.status, declined.decline_code) == (
            PaymentStatus.DECLINED,
            "insufficient_funds",
        )

        processing.process(**counter.about(payment))
        counter.act()
        counter.told()

        assert again(payment).status == PaymentStatus.SUCCEEDED
        states = PaymentAttempt.objects.filter(obligation=payment.obligation).order_by("number")
        assert list(states.values_list("state", flat=True)) == [
            AttemptState.FAILED,
            AttemptState.SUCCEEDED,
        ]

    def test_a_customer_who_cancels(self, counter: Counter) -> None:
        payment = counter.sell()
        counter.act("cancel")

        counter.told()

        assert again(payment).status == PaymentStatus.CANCELED
        assert unhandled() == []

    def test_a_cashier_who_cancels(self, counter: Counter) -> None:
        payment = counter.sell()

        canceling.cancel(**counter.about(payment))

        assert again(payment).status == PaymentStatus.CANCELED
        reader = f"/v1/terminal/readers/{counter.terminal.external_id}"
        assert counter.stripe.api("GET", reader).json()["action"] is None
        assert counter.told()
        assert again(payment).status == PaymentStatus.CANCELED

    @pytest.mark.parametrize("method", ["automatic", "manual"])
    def test_a_cashier_who_cancels_while_the_issuer_is_asked(
        self, transactional_db: None, counter: Counter, method: str
    ) -> None:
        payment = counter.sell(capture_method=method)
        counter.stripe.set_reader(counter.terminal.external_id, authorizes_s=600)
        counter.act()

        canceling.cancel(**counter.about(payment))

        assert again(payment).status == PaymentStatus.IN_PROGRESS
        counter.stripe.issuer_answers(counter.terminal.external_id)
        counter.told()
        ending.finish_due(now=clock.now())
        done = again(payment)
        assert done.status == PaymentStatus.CANCELED
        (charge,) = (
            row
            for row in counter.stripe.objects("charge")
            if row["payment_intent"] == done.external_id
        )
        assert charge["amount_refunded"] == charge["amount"]

    def test_a_cashier_who_cancels_at_a_reader_that_was_unplugged(self, counter: Counter) -> None:
        payment = counter.sell()
        counter.act("unplug")

        canceling.cancel(**counter.about(payment))

        assert again(payment).status == PaymentStatus.CANCELED
        counter.stripe.set_reader(counter.terminal.external_id, online=True)
        other = counter.sell()
        counter.act()
        counter.told("terminal.reader.action_succeeded")
        assert again(other).status == PaymentStatus.SUCCEEDED

    @pytest.mark.parametrize(
        ("how", "error"),
        [({"online": False}, TerminalOffline), ({"busy": True}, TerminalBusy)],
        ids=["off", "busy"],
    )
    def test_a_reader_that_takes_no_payment_now(
        self, counter: Counter, how: Any, error: type[Exception]
    ) -> None:
        reader = counter.terminal.external_id
        counter.stripe.set_reader(reader, **how)
        payment = counter.sell()
        assert (payment.status, payment.holds_reader) == (PaymentStatus.REQUIRES_TERMINAL, False)

        with pytest.raises(error):
            processing.process(**counter.about(payment))

        counter.stripe.set_reader(reader, online=True, busy=False)
        processing.process(**counter.about(payment))
        counter.act()
        counter.told("terminal.reader.action_succeeded")
        assert again(payment).status == PaymentStatus.SUCCEEDED

    def test_what_is_given_up_after_the_card_is_no_refund(self, counter: Counter) -> None:
        payment = counter.sell(capture_method="manual")
        counter.act()
        counter.told()

        canceling.cancel(**counter.about(payment))
        counter.told()

        assert again(payment).status == PaymentStatus.CANCELED
        assert not PaymentFact.objects.exists()
        assert unhandled() == []

    def test_what_stripe_lets_go_is_over(self, transactional_db: None, counter: Counter) -> None:
        payment = counter.sell(capture_method="manual")
        counter.act()
        counter.told()

        intent = again(payment).external_id
        counter.stripe.api("POST", f"/v1/payment_intents/{intent}/cancel")
        counter.told()

        assert again(payment).status == PaymentStatus.CANCELED


class TestLost:
    def test_an_answer_is_made_up_for_by_an_event(self, counter: Counter) -> None:
        counter.stripe.add_fault(
            method="POST", path="/process_payment_intent$", action="reset_after"
        )
        payment = counter.sell()
        assert payment.status == PaymentStatus.UNKNOWN
        counter.act()

        counter.told("payment_intent.succeeded")

        assert again(payment).status == PaymentStatus.SUCCEEDED

    def test_an_intent_that_was_made_in_vain_changes_nothing(
        self, transactional_db: None, counter: Counter
    ) -> None:
        counter.stripe.add_fault(method="POST", path="/payment_intents$", action="reset_after")
        payment = counter.sell()
        processing.process(**counter.about(payment))
        at_reader = again(payment)
        assert (at_reader.status, at_reader.holds_reader) == (PaymentStatus.IN_PROGRESS, True)

        assert counter.told("payment_intent.created")

        kept = again(payment)
        assert (kept.status, kept.holds_reader) == (PaymentStatus.IN_PROGRESS, True)
        assert kept.external_id == at_reader.external_id
        counter.act()
        counter.told()
        assert again(payment).status == PaymentStatus.SUCCEEDED

    def test_a_reader_that_is_lost_after_the_card_is_made_up_for_by_asking(
        self, counter: Counter
    ) -> None:
        payment = counter.sell()
        counter.act("tap_unplug")

        asking.ask_now(**counter.about(payment))

        assert again(payment).status == PaymentStatus.SUCCEEDED

    def test_events_about_payments_of_others_are_done(self, counter: Counter) -> None:
        wish = {"amount": 500, "currency": "usd", "payment_method_types[0]": "card_present"}
        intent = counter.stripe.api("POST", "/v1/payment_intents", wish).json()["id"]
        path = f"/v1/terminal/readers/{counter.terminal.external_id}/process_payment_intent"
        counter.stripe.api("POST", path, {"payment_intent": intent})
        counter.act()

        assert counter.told()

        assert unhandled() == []
        assert counter.lines() == []
