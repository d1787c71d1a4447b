"""A basket at CardConnect's reader from its till to its refund: services, driver and gateway."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.drivers.cardconnect import polling
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.enums import ObligationKind, ObligationState
from billing.models import Case, InboxEvent, MerchantAccount, Obligation, PaymentAttempt
from billing.services import dispatch
from orgs import clock
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.services import registering
from tests.billing.cardconnect.reader_steps import CERTAIN
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.terminals.till_steps import BASKET, Till


@pytest.fixture
def till(org: Organization, counter: MerchantAccount) -> Till:
    """A till whose reader is registered."""
    now = clock.now()
    terminal = registering.register_terminal(
        organization=org, provider="cardconnect", external_id=HSN, label="Counter", now=now
    )
    return Till(org, "cardconnect", terminal, now)


def sell(till: Till, **more: object) -> TerminalPayment:
    """Open a payment and have workers start its reader."""
    payment = till.open(**more)
    till.work()
    return till.again(payment)


def taken(simulator: CardPointeSimulator) -> list[tuple[str, int]]:
    """Return what the gateway holds or took: state and cents."""
    return [
        (txn["setlstat"], txn["captured"] or txn["amount"])
        for txn in simulator.transactions(kind="auth")
        if txn["respstat"] == "A" and txn["setlstat"] != "Voided"
    ]


class TestBasket:
    def test_is_paid_and_given_back_in_two_parts(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        payment = sell(till)
        assert (payment.status, payment.captured_minor) == ("succeeded", BASKET)
        assert payment.card["last4"] == "1443"
        simulator.close_batches()

        till.refund(payment, 250)
        till.refund(payment)

        assert till.again(payment).refunded_minor == BASKET
        [txn] = simulator.transactions(kind="auth")
        assert txn["refunded"] == BASKET

    def test_is_authorized_captured_in_part_and_given_back_at_once(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        payment = sell(till, capture_method="manual")
        assert payment.status == "requires_capture"
        assert payment.capture_before is not None

        till.capture(payment, 1000)
        assert taken(simulator) == [("Queued for Capture", 1000)]
        till.refund(till.again(payment))

        assert till.again(payment).refunded_minor == 1000
        assert taken(simulator) == []

    def test_is_declined_and_then_paid(self, simulator: CardPointeSimulator, till: Till) -> None:
        simulator.script(HSN, "decline", code="NU")
        payment = sell(till)
        assert (payment.status, payment.decline_code) == ("declined", "insufficient_funds")

        till.process(payment)
        till.work()

        assert till.again(payment).status == "succeeded"
        assert taken(simulator) == [("Queued for Capture", BASKET)]

    def test_is_held_and_given_up(self, simulator: CardPointeSimulator, till: Till) -> None:
        payment = sell(till, capture_method="manual")

        assert till.cancel(payment).status == "canceled"
        assert taken(simulator) == []


class TestNews:
    """What the gateway never tells by itself, and what follows from it for a basket."""

    def test_a_part_that_waited_for_its_day_is_given_back(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        payment = sell(till)
        till.refund(payment, 250)
        simulator.close_batches()

        polling.send_queued_refunds(now=clock.now() + timedelta(hours=2))
        dispatch.drain_inbox(now=timezone.now())

        assert till.again(payment).refunded_minor == 250
        debt = Obligation.objects.get(kind=ObligationKind.REFUND)
        assert debt.state == ObligationState.SETTLED
        [txn] = simulator.transactions(kind="auth")
        assert txn["refunded"] == 250

    def test_its_settlement_is_told(
        self, simulator: CardPointeSimulator, till: Till, counter: MerchantAccount
    ) -> None:
        sell(till)
        today = datetime.fromtimestamp(simulator.now(), tz=UTC)
        simulator.close_batches()

        polling.poll_accounts(now=today)

        assert GatewayTransaction.objects.get(kind="sale").state == "settled"
        assert InboxEvent.objects.filter(type="charge.settled").count() == 1
        dispatch.drain_inbox(now=timezone.now())
        assert not InboxEvent.objects.exclude(error="").exists()
        assert not InboxEvent.objects.filter(handled_at=None).exists()


class TestLost:
    @pytest.mark.parametrize(
        ("kind", "status"), [("drop_after", "succeeded"), ("drop_before", "declined")]
    )
    def test_is_unknown_until_it_is_asked_for(
        self, simulator: CardPointeSimulator, till: Till, kind: str, status: str
    ) -> None:
        simulator.add_fault(kind, op="authCard")
        simulator.add_fault("inquiry_down")
        payment = sell(till)
        assert payment.status == "unknown"

        till.now = clock.now() + CERTAIN
        till.sweep()

        again = till.again(payment)
        assert again.status != "unknown"
        assert (again.status == "succeeded") is (status == "succeeded")
        assert len(taken(simulator)) == (1 if status == "succeeded" else 0)
        assert not again.holds_reader

    def test_canceled_while_it_is_unknown_nothing_is_kept(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        simulator.add_fault("drop_after", op="authCard")
        simulator.add_fault("inquiry_down")
        payment = sell(till)

        till.cancel(payment)
        till.now = clock.now() + CERTAIN
        till.settle_down(60)

        assert till.again(payment).status == "canceled"
        assert taken(simulator) == []
        assert not Case.objects.exists()

    def test_an_approval_of_a_try_that_was_given_up_is_voided(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        """The reader goes on alone, for longer than anybody waits for it."""
        simulator.add_fault("late_commit", op="authCard", seconds=100)
        simulator.add_fault("inquiry_down")
        payment = sell(till)
        till.cancel(payment)
        simulator.advance(400)

        till.now = clock.now() + CERTAIN
        till.settle_down(60)

        assert till.again(payment).status == "canceled"
        assert taken(simulator) == []


class TestBusy:
    def test_somebody_elses_session_is_told_and_the_reader_stays_free(
        self, simulator: CardPointeSimulator, till: Till
    ) -> None:
        simulator.connect_reader(HSN)
        payment = till.open()

        [error] = till.work()

        assert error is not None
        assert error.code == "TERMINAL_BUSY"
        assert not till.again(payment).holds_reader
        assert PaymentAttempt.objects.get(obligation=payment.obligation).state == "not_processed"

    def test_unplugged_before_it_began(self, simulator: CardPointeSimulator, till: Till) -> None:
        simulator.plug(HSN, is_plugged=False)
        payment = till.open()

        [error] = till.work()

        assert error is not None
        assert not till.again(payment).holds_reader
        simulator.plug(HSN)
        till.now += timedelta(seconds=5)
        till.process(payment)
        till.work()
        assert till.again(payment).status == "succeeded"
