"""What happens at once at a reader: one payment holds it, one try is sent, one word is told."""

from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from billing.errors import PaymentNotPossible, PaymentPending, TerminalBusy
from billing.services import resolve
from orgs.errors import Conflict, DomainError
from orgs.models import Organization
from terminals.models import TerminalPayment
from terminals.services import running
from tests.factories import OrganizationFactory
from tests.terminals.till_steps import BASKET, REQUEST, Till, open_till
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def org(transactional_db: None) -> Organization:
    return OrganizationFactory.create(name="Acme", slug="acme")


@pytest.fixture(params=["cardconnect", "stripe"])
def till(request: pytest.FixtureRequest, settings: Any, org: Organization) -> Till:
    return open_till(settings, org, request.param, timezone.now())


def kinds(answers: list[Any]) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


class TestOneReader:
    def test_two_tills_that_open(self, till: Till) -> None:
        answers = at_once(*[lambda n=n: till.open(reference=f"B{n}") for n in range(4)])

        assert kinds(answers) == {"TerminalPayment": 1, "TerminalBusy": 3}
        assert TerminalPayment.objects.count() == 1

    def test_two_tills_that_start_what_is_open(self, till: Till) -> None:
        waiting = [till.open(process=False) for _ in range(4)]

        answers = at_once(*[lambda row=row: till.process(row) for row in waiting])

        assert kinds(answers) == {"TerminalPayment": 1, "TerminalBusy": 3}
        assert TerminalPayment.objects.filter(holds_reader=True).count() == 1
        till.work()
        assert till.bank.calls.count("run_sale") == 1

    def test_one_till_that_is_impatient(self, till: Till) -> None:
        payment = till.open(process=False)

        at_once(*[lambda: till.process(payment) for _ in range(4)])
        till.work()

        assert till.bank.calls.count("run_sale") == 1

    def test_the_same_basket(self, till: Till) -> None:
        answers = at_once(*[lambda: till.open(process=False, reference="B1") for _ in range(4)])

        assert sum(isinstance(answer, Conflict) for answer in answers) == 3
        assert TerminalPayment.objects.count() == 1

    def test_the_same_key(self, till: Till) -> None:
        answers = at_once(*[lambda: till.open(request_key="k1") for _ in range(4)])

        assert len({answer.pk for answer in answers}) == 1

    def test_two_workers(self, till: Till) -> None:
        payment = till.open(process=False)
        if till.is_blocking:
            till.process(payment)
            attempt = till.attempt(payment)
            at_once(
                *[
                    lambda: running.run(attempt_id=attempt.pk, cause=REQUEST, now=till.now)
                    for _ in range(4)
                ]
            )
            assert till.bank.calls.count("run_sale") == 1
            assert till.again(payment).status == "succeeded"


class TestOneWord:
    def test_two_captures(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        answers = at_once(*[lambda: till.capture(payment, 1000) for _ in range(4)])

        others = [a for a in answers if not isinstance(a, TerminalPayment)]
        assert all(isinstance(other, PaymentPending) for other in others)
        assert till.bank.calls.count("capture_sale") == 1
        assert till.again(payment).captured_minor == 1000
        assert till.told(payment).count("captured") == 1

    def test_captures_of_different_amounts(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        at_once(*[lambda n=n: till.capture(payment, n) for n in (900, 1000, 1100)])

        (sale,) = till.charged()
        assert till.again(payment).captured_minor == sale.captured_minor
        assert till.bank.calls.count("capture_sale") == 1

    def test_a_capture_and_a_cancel(self, till: Till) -> None:
        payment = till.sell(capture_method="manual")

        captured, canceled = at_once(lambda: till.capture(payment), lambda: till.cancel(payment))
        till.settle_down(200, step=20)

        after = till.again(payment)
        if after.status == "canceled":
            assert till.charged() == []
            assert isinstance(captured, DomainError)
        else:
            assert (after.status, after.captured_minor) == ("succeeded", BASKET)
            assert isinstance(canceled, PaymentNotPossible | PaymentPending)

    def test_a_cancel_and_an_approval(self, till: Till) -> None:
        payment = till.open()

        _, canceled = at_once(lambda: till.present(payment), lambda: till.cancel(payment))
        till.settle_down(200, step=20)

        after = till.again(payment)
        if isinstance(canceled, PaymentNotPossible):
            assert after.status == "succeeded"
            assert len(till.charged()) == 1
        else:
            assert after.status == "canceled"
            assert till.charged() == []
        assert till.cases() == []

    def test_an_event_a_question_and_a_look(self, till: Till) -> None:
        payment = till.open()
        if till.is_blocking:
            till.present(payment, "lost_after")
        else:
            till.driver.hold_card(payment.external_id)
        attempt = till.attempt(payment)

        def ask() -> None:
            resolve.resolve_attempt(attempt_id=attempt.pk, now=till.now, cause=REQUEST, force=True)

        at_once(ask, ask, *([] if till.is_blocking else [lambda: till.tell(payment)] * 2))

        assert till.again(payment).status == "succeeded"
        assert till.told(payment).count("succeeded") == 1

    def test_refunds_never_give_back_more_than_was_taken(self, till: Till) -> None:
        payment = till.sell()

        at_once(*[lambda: till.refund(payment, 700) for _ in range(3)])

        (sale,) = till.bank.sales.values()
        assert [row.amount_minor for row in sale.refunds] == [700]
        assert till.again(payment).refunded_minor == 700


def test_who_is_refused_is_told_by_whom(till: Till) -> None:
    answers = at_once(*[lambda n=n: till.open(reference=f"B{n}") for n in range(2)])

    (refused,) = [answer for answer in answers if isinstance(answer, TerminalBusy)]
    (holder,) = [answer for answer in answers if isinstance(answer, TerminalPayment)]
    assert refused.fields["payment_id"] == [str(holder.pk)]
