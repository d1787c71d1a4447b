"""Payments in person through our services, at the simulated readers of CardConnect."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from billing.enums import AttemptState, ObligationState
from billing.models import MerchantAccount, PaymentAttempt
from billing.services import resolve
from billing.types import Cause
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.services import (
    canceling,
    capturing,
    ending,
    payments,
    processing,
    refunding,
    registering,
    running,
    statuses,
)
from tests.billing.cardconnect import gateway_steps
from tests.billing.cardconnect.reader_steps import meanwhile
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN

pytestmark = pytest.mark.django_db

BASKET = 4900


class Counter:
    """A till with a reader."""

    def __init__(self, organization: Organization, simulator: CardPointeSimulator) -> None:
        self.organization, self.simulator = organization, simulator
        self.terminal = registering.register_terminal(
            organization=organization,
            provider="cardconnect",
            external_id=HSN,
            label="Till 1",
            now=clock.now(),
        )

    def open(self, **more: Any) -> TerminalPayment:
        request = payments.PaymentRequest(
            **{"terminal_id": self.terminal.pk, "amount_minor": BASKET, **more}
        )
        return payments.open_payment(
            organization=self.organization,
            request=request,
            cause=Cause("request"),
            now=clock.now(),
        ).payment

    def work(self, payment: TerminalPayment) -> TerminalPayment:
        attempt = self.attempts(payment).get(state=AttemptState.CREATED)
        running.run(attempt_id=attempt.pk, cause=Cause("request"), now=clock.now())
        return self.again(payment)

    def sell(self, outcome: str = "", **more: Any) -> TerminalPayment:
        if outcome:
            code: dict[str, Any] = {"code": "NU"} if outcome == "decline" else {}
            self.simulator.script(HSN, outcome, **code)
        return self.work(self.open(**more))

    def about(self, payment: TerminalPayment) -> dict[str, Any]:
        return {
            "organization": self.organization,
            "payment_id": payment.pk,
            "cause": Cause("request"),
            "now": clock.now(),
        }

    def attempts(self, payment: TerminalPayment) -> Any:
        return PaymentAttempt.objects.filter(obligation=payment.obligation_id)

    def again(self, payment: TerminalPayment) -> TerminalPayment:
        return TerminalPayment.objects.get(pk=payment.pk)

    def live(self, payment: TerminalPayment) -> list[int]:
        """Return what the gateway holds or took for it, in cents."""
        found = []
        for reference in self.attempts(payment).values_list("our_reference", flat=True):
            found += gateway_steps.live(self.simulator, reference)
        return [row["captured"] or row["amount"] for row in found]


@pytest.fixture
def till(org: Organization, counter: MerchantAccount, simulator: CardPointeSimulator) -> Counter:
    return Counter(org, simulator)


def test_is_paid(till: Counter) -> None:
    payment = till.sell()

    assert (payment.status, payment.captured_minor) == ("succeeded", BASKET)
    assert payment.card["last4"]
    assert till.live(payment) == [BASKET]


def test_is_declined_and_tried_again(till: Counter) -> None:
    payment = till.sell("decline")

    assert payment.status == "declined"
    assert payment.decline_code
    assert not payment.holds_reader

    processing.process(**till.about(payment))
    assert till.work(payment).status == "succeeded"
    assert till.live(payment) == [BASKET]


def test_another_currency_is_refused_before_anything_is_written(till: Counter) -> None:
    with pytest.raises(InvalidRequest):
        till.open(currency="EUR")
    assert TerminalPayment.objects.count() == 0


def test_in_part_and_back(till: Counter) -> None:
    payment = till.sell(capture_method="manual")
    assert payment.status == "requires_capture"

    capturing.capture(**till.about(payment), amount_minor=4000)
    debt = refunding.refund(**till.about(payment))

    after = till.again(payment)
    assert (after.status, after.captured_minor) == ("succeeded", 4000)
    assert (debt.state, after.refunded_minor) == (ObligationState.SETTLED, 4000)
    assert till.live(payment) == []


def test_an_authorization_is_voided(till: Counter) -> None:
    payment = till.sell(capture_method="manual")

    assert canceling.cancel(**till.about(payment)).status == "canceled"
    assert till.live(payment) == []


def test_the_customer_cancels(till: Counter) -> None:
    payment = till.sell("cancel_at_terminal")

    assert payment.status == "canceled"
    assert till.live(payment) == []


@pytest.mark.parametrize("method", ["manual", "automatic"])
def test_an_approval_after_the_cancel_is_not_kept(till: Counter, method: str) -> None:
    till.simulator.script(HSN, "late_cancel")
    payment = till.open(capture_method=method)
    TerminalPayment.objects.filter(pk=payment.pk).update(cancel_requested_at=clock.now())

    till.work(payment)
    ending.finish_due(now=clock.now())

    assert till.again(payment).status == "canceled"
    assert till.live(payment) == []


def test_a_lost_answer_is_found(till: Counter) -> None:
    till.simulator.add_fault("inquiry_down")
    payment = till.sell("unplug_after_auth")
    now = clock.now()
    for seconds in range(0, 60, 10):
        resolve.resolve_due(now=now + timedelta(seconds=seconds))

    assert till.again(payment).status == "succeeded"
    assert till.live(payment) == [BASKET]


def test_an_unplugged_reader_took_nothing(till: Counter) -> None:
    payment = till.sell("unplug_before_auth")
    now = clock.now()
    for seconds in range(0, 280, 10):
        resolve.resolve_due(now=now + timedelta(seconds=seconds))

    assert till.again(payment).status == "requires_terminal"
    assert till.live(payment) == []


def test_a_reader_that_is_off(till: Counter) -> None:
    till.simulator.plug(HSN, is_plugged=False)
    try:
        payment = till.sell()
        shown = statuses.refresh_one(
            organization=till.organization,
            terminal_id=till.terminal.pk,
            now=clock.now() + timedelta(minutes=1),
        )
    finally:
        till.simulator.plug(HSN)

    assert (payment.status, payment.decline_code) == ("requires_terminal", "reader_offline")
    assert not shown.is_online


@pytest.mark.django_db(transaction=True)
def test_the_cashier_cancels_while_the_reader_asks(till: Counter) -> None:
    till.simulator.script(HSN)
    payment = till.open()

    def cancel() -> None:
        try:
            till.simulator.await_reader(HSN)
            canceling.cancel(**till.about(payment))
        finally:
            connections.close_all()

    with meanwhile(cancel):
        till.work(payment)

    assert till.again(payment).status == "canceled"
    assert till.live(payment) == []
