"""Processes that die around every commit and every call, and a till that comes back.

Whatever was lost, the till looks for its payment by its own reference, goes on from what it finds,
and in the end the basket is paid once, or given up and nothing is held or taken.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from billing.enums import ObligationState
from billing.models import Obligation
from billing.services import projection, settlement, timeline, unanswered
from orgs.errors import DomainError
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.selectors import payments
from terminals.services import approving, concluding, ending, processing, rows
from tests.billing.engine.crash_steps import dying_at
from tests.terminals.scripted_readers import ScriptedReaders, ToldReaders, WaitingReaders
from tests.terminals.till_steps import BASKET, Till, more_till, open_till

pytestmark = pytest.mark.django_db

PLACES: tuple[tuple[Any, str], ...] = (
    (settlement, "mark_sent"),
    (settlement, "new_attempt"),
    (settlement, "end_attempt"),
    (timeline, "record_event"),
    (unanswered, "mark_unknown"),
    (projection, "database_now"),
    (rows, "lock"),
    (rows, "name"),
    (processing, "claim"),
    (approving, "approve"),
    (concluding, "conclude"),
    (concluding, "give_up"),
    (concluding, "mark_unknown"),
    (ending, "finish"),
    (WaitingReaders, "run_sale"),
    (ToldReaders, "run_sale"),
    (ToldReaders, "open_sale"),
    (ToldReaders, "stop_sale"),
    (WaitingReaders, "stop_sale"),
    (ScriptedReaders, "find_sale"),
    (ScriptedReaders, "capture_sale"),
    (ScriptedReaders, "void_sale"),
    (ScriptedReaders, "refund_payment"),
)
_MOST_PLACES = 200


def find(till: Till, reference: str) -> TerminalPayment | None:
    return payments.list_payments(till.organization, reference=reference).first()


def sell(till: Till, reference: str, **more: Any) -> None:
    """What a till does, at first and after each restart: find the payment, or open it; go on."""
    payment = find(till, reference) or till.open(reference=reference, request_key=reference, **more)
    if payment.status == "requires_terminal":
        payment = till.process(payment)
    hold_card(till, payment)


def hold_card(till: Till, payment: TerminalPayment) -> None:
    """The person with the card: at a reader that asks for it, once."""
    if till.is_blocking:
        till.work()
        return
    sale = till.bank.sales.get(till.again(payment).external_id)
    if sale is not None and sale.state == "in_progress":
        till.driver.hold_card(sale.external_id)
        till.tell(payment)


def dies_everywhere(till: Till, run: Callable[[Till, str], None]) -> Iterator[tuple[Till, str]]:
    """Run it again and again, dying one place further each time; yield the till that comes back."""
    for wanted in range(1, _MOST_PLACES):
        one = more_till(till.organization, till.provider, till.now, f"R{wanted}")
        reference = f"B{wanted}"
        with dying_at(wanted, PLACES) as seams:
            run(one, reference)
        yield one, reference
        if not seams.died_at:
            assert wanted > 10
            return
    raise AssertionError("it never came to its end")


def come_back(till: Till, reference: str, again: Callable[[Till, str], None]) -> TerminalPayment:
    """Have the till try on until it is told that its payment is over."""
    row = None
    for _ in range(30):
        till.sweep()
        row = find(till, reference)
        if row is not None and row.status in ("succeeded", "canceled") and not till_waits(till):
            return row
        till.wait(70)
        try:
            again(till, reference)
        except DomainError:
            continue  # it is told to wait, or who holds the reader
    raise AssertionError(f"never over: {row and row.status}")


def till_waits(till: Till) -> bool:
    return "open" in till.cases()


def taken(till: Till, payment: TerminalPayment) -> list[int]:
    return [sale.captured_minor for sale in till.charged() if sale.order.payment_id == payment.pk]


class TestSelling:
    def test_is_paid_once(self, till: Till) -> None:
        for one, reference in dies_everywhere(till, sell):
            payment = come_back(one, reference, sell)

            assert payment.status == "succeeded"
            assert taken(one, payment) == [payment.captured_minor] == [BASKET]
            assert one.told(payment).count("succeeded") == 1
            assert TerminalPayment.objects.filter(reference=reference).count() == 1
            assert not payment.holds_reader


class TestCapturing:
    def test_is_captured_once(self, till: Till) -> None:
        def run(one: Till, reference: str) -> None:
            sell(one, reference, capture_method="manual")
            go_on(one, reference)

        def go_on(one: Till, reference: str) -> None:
            payment = find(one, reference)
            if payment is None or payment.status == "requires_terminal":
                sell(one, reference, capture_method="manual")
                return
            if payment.status == "requires_capture":
                one.capture(payment, 1000)

        def come(one: Till, reference: str) -> None:
            payment = find(one, reference)
            if payment is not None and payment.status == "in_progress":
                hold_card(one, payment)
            go_on(one, reference)

        for one, reference in dies_everywhere(till, run):
            payment = come_back(one, reference, come)

            assert (payment.status, payment.captured_minor) == ("succeeded", 1000)
            assert taken(one, payment) == [1000]


class TestCanceling:
    @pytest.mark.parametrize("method", ["manual", "automatic"])
    def test_nothing_is_kept(self, till: Till, method: str) -> None:
        def run(one: Till, reference: str) -> None:
            payment = one.open(reference=reference, request_key=reference, capture_method=method)
            if one.is_blocking:

                def cancel() -> None:
                    one.cancel(payment)
                    one.bank.stopped.clear()

                one.bank.acts.append(cancel)
                one.work()
            else:
                one.driver.hold_card(one.again(payment).external_id)
                one.cancel(payment)

        def again(one: Till, reference: str) -> None:
            payment = find(one, reference)
            if payment is None:
                run(one, reference)
                return
            one.bank.acts.clear()
            one.cancel(payment)

        for one, reference in dies_everywhere(till, run):
            payment = come_back(one, reference, again)

            assert payment.status in ("canceled", "succeeded")
            if payment.status == "canceled":
                assert taken(one, payment) == []
            else:  # the card was read before anybody had asked to cancel
                assert payment.cancel_requested_at is None
                assert taken(one, payment) == [BASKET]


class TestRefunding:
    def test_is_given_back_once(self, till: Till) -> None:
        def run(one: Till, reference: str) -> None:
            payment = find(one, reference) or one.sell(reference=reference)
            one.refund(payment, 500, request_key=f"refund-{reference}")

        def prepared(one: Till, reference: str) -> Obligation:
            payment = find(one, reference)
            assert payment is not None
            debt: Obligation = one.refund(payment, 500, request_key=f"refund-{reference}")
            return debt

        for wanted in range(1, _MOST_PLACES):
            one = more_till(till.organization, till.provider, till.now, f"R{wanted}")
            reference = f"B{wanted}"
            one.sell(reference=reference)
            with dying_at(wanted, PLACES) as seams:
                run(one, reference)
            for _ in range(10):
                one.wait(70)
                one.sweep()
                with contextlib.suppress(DomainError):  # it is told to wait
                    if prepared(one, reference).state == ObligationState.SETTLED:
                        break
            payment = find(one, reference)
            assert payment is not None
            assert payment.refunded_minor == 500
            sale = one.bank.sales[payment.external_id]
            assert [row.amount_minor for row in sale.refunds] == [500]
            if not seams.died_at:
                return


@pytest.fixture(params=["cardconnect", "stripe"])
def till(request: pytest.FixtureRequest, settings: Any, org: Organization) -> Till:
    return open_till(settings, org, request.param, timezone.now(), "R0")
