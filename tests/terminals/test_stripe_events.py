"""Payments in person at the simulated Stripe, paid by its events alone."""

import pytest

from billing.enums import CaseKind, Provider
from billing.models import Case, InboxEvent
from billing.services import refunds
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.services import capturing, registering
from tests.simulators.stripe.client import StripeSimulator
from tests.terminals.stripe_steps import BASKET, Counter, again, open_counter, unhandled

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(stripe: StripeSimulator, org: Organization) -> Counter:
    return open_counter(stripe, org)


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
