"""Payments in person at the simulated Stripe, told by its events alone."""

import dataclasses
import json
from typing import Any

import pytest

from billing.enums import AttemptState, CaseKind, InboxState, Provider
from billing.errors import TerminalBusy, TerminalOffline
from billing.models import BillingEvent, Case, InboxEvent, PaymentAttempt, PaymentFact
from billing.services import inbox, refunds
from billing.types import Cause, VerifiedWebhook
from orgs import clock
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import Terminal, TerminalPayment
from terminals.services import (
    asking,
    canceling,
    capturing,
    ending,
    payments,
    processing,
    registering,
)
from tests.billing import stripe_terminal_cases
from tests.billing.dispatch_steps import drain
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

BASKET = 1500


@dataclasses.dataclass
class Counter:
    """A reader of an organization, and the events that Stripe sent since it was registered."""

    stripe: StripeSimulator
    terminal: Terminal
    seen: int

    def sell(self, **more: Any) -> TerminalPayment:
        """Open a payment and have the reader ask for a card."""
        return self.open(**more).payment

    def open(self, **more: Any) -> payments.Opened:
        request = payments.PaymentRequest(
            **{"terminal_id": self.terminal.pk, "amount_minor": BASKET, **more}
        )
        return payments.open_payment(
            organization=self.terminal.organization,
            request=request,
            cause=Cause("request"),
            now=clock.now(),
        )

    def about(self, payment: TerminalPayment) -> dict[str, Any]:
        return {
            "organization": self.terminal.organization,
            "payment_id": payment.pk,
            "cause": Cause("request"),
            "now": clock.now(),
        }

    def act(self, does: str = "tap", **how: Any) -> None:
        self.stripe.at_reader(self.terminal.external_id, does, **how)

    def told(self, *types: str) -> int:
        """Take in the events since the last call, all or those of some types."""
        found = self.stripe.events(since=self.seen)
        self.seen += len(found)
        for event in found:
            if not types or event["type"] in types:
                webhook = VerifiedWebhook(event["id"], event["type"], json.dumps(event))
                inbox.receive_event(
                    provider=Provider.STRIPE, account=None, webhook=webhook, trace_id=""
                )
        return drain()

    def lines(self) -> list[str]:
        lines = BillingEvent.objects.for_org(self.terminal.organization)
        return list(lines.order_by("sequence").values_list("type", flat=True))


@pytest.fixture
def counter(stripe: StripeSimulator, org: Organization) -> Counter:
    reader = stripe_terminal_cases.till(stripe).reader
    terminal = registering.register_terminal(
        organization=org, provider=Provider.STRIPE, external_id=reader, now=clock.now()
    )
    return Counter(stripe, terminal, stripe.events_so_far())


def again(payment: TerminalPayment) -> TerminalPayment:
    return TerminalPayment.objects.get(pk=payment.pk)


def unhandled() -> list[str]:
    rows = InboxEvent.objects.exclude(state=InboxState.DONE)
    return list(rows.values_list("type", flat=True))


class TestPaid:
    @pytest.mark.parametrize(
        "types",
        [(), ("payment_intent.succeeded",), ("terminal.reader.action_succeeded",)],
        ids=["all", "payment", "reader"],
    )
    def test_any_event_of_it_is_enough(self, counter: Counter, types: tuple[str, ...]) -> None:
        payment = counter.sell()
        assert payment.status == PaymentStatus.IN_PROGRESS
        counter.act()

        assert counter.told(*types)

        done = again(payment)
        assert (done.status, done.captured_minor) == (PaymentStatus.SUCCEEDED, BASKET)
        assert done.card["last4"] == "4242"
        assert not done.holds_reader
        assert unhandled() == []
        events = InboxEvent.objects.filter(type__startswith="payment_intent.succeeded")
        assert set(events.values_list("organization_id", flat=True)) <= {
            counter.terminal.organization_id
        }

    def test_a_tip_is_paid_too(self, counter: Counter) -> None:
        payment = counter.sell(asks_for_tip=True)
        counter.act(tip=200)

        counter.told()

        done = again(payment)
        assert (done.amount_minor, done.tip_minor, done.captured_minor) == (BASKET, 200, 1700)

    def test_by_a_till_that_drives_its_reader_itself(self, counter: Counter) -> None:
        opened = counter.open(process=False)
        token = registering.create_connection_token(
            organization=counter.terminal.organization, terminal_id=counter.terminal.pk
        )
        counter.stripe.till_pays(opened.client_secret, token)

        counter.told()

        assert again(opened.payment).status == PaymentStatus.SUCCEEDED

    def test_what_is_held_is_captured(self, counter: Counter) -> None:
        payment = counter.sell(capture_method="manual")
        counter.act()
        counter.told()
        assert again(payment).status == PaymentStatus.REQUIRES_CAPTURE
        assert again(payment).capture_before is not None

        capturing.capture(**counter.about(payment), amount_minor=900)
        counter.told()

        done = again(payment)
        assert (done.status, done.captured_minor) == (PaymentStatus.SUCCEEDED, 900)
        assert unhandled() == []

    def test_what_is_given_back_at_stripe_is_known(
        self, transactional_db: None, counter: Counter
    ) -> None:
        payment = counter.sell()
        counter.act()
        counter.told()

        counter.stripe.api(
            "POST", "/v1/refunds", {"payment_intent": again(payment).external_id, "amount": 400}
        )
        counter.told()

        left = refunds.look_at_payment(
            organization=counter.terminal.organization,
            provider=Provider.STRIPE,
            external_payment_id=again(payment).external_id,
        )
        assert left.refundable_minor == BASKET - 400
        assert again(payment).refunded_minor == 400
        assert unhandled() == []

    def test_what_its_payer_disputes_becomes_a_case(
        self, transactional_db: None, counter: Counter
    ) -> None:
        payment = counter.sell()
        counter.act()
        counter.told()
        (charge,) = (
            row
            for row in counter.stripe.objects("charge")
            if row["payment_intent"] == again(payment).external_id
        )

        counter.stripe.dispute(charge["id"])
        counter.told()

        case = Case.objects.for_org(counter.terminal.organization).get()
        assert case.kind == CaseKind.DISPUTE
        assert unhandled() == []


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
