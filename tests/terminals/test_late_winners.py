"""Approvals that come to light late: one stays at most, and none that nobody wants."""

import pytest

from billing.models import Case
from billing.services import late_winners
from tests.terminals.till_steps import BASKET, REQUEST, Till

pytestmark = pytest.mark.django_db


class TestLateWinners:
    """An approval for a payment that is over by then."""

    def _taken_for_absent(self, till: Till) -> str:
        """Have a try counted as absent whose sale the bank makes known only afterwards."""
        payment = till.open(capture_method="manual")
        till.bank.acts.append("lost_after")
        till.work()
        (hidden,) = till.bank.sales
        self.kept = till.bank.sales.pop(hidden)
        till.settle_down(400)
        assert till.tries(payment) == ["not_processed"]
        assert till.again(payment).status == "requires_terminal"
        self.payment = payment
        return hidden

    def _appears(self, till: Till, hidden: str) -> None:
        till.bank.sales[hidden] = self.kept
        till.late_word(self.payment)

    def test_for_one_that_is_still_open_is_taken_over(self, waiting: Till) -> None:
        hidden = self._taken_for_absent(waiting)

        self._appears(waiting, hidden)

        assert waiting.again(self.payment).status == "requires_capture"
        assert waiting.cases() == []

    def test_for_one_that_another_try_paid_is_voided(self, waiting: Till) -> None:
        hidden = self._taken_for_absent(waiting)
        waiting.process(self.payment)
        waiting.present(self.payment)

        self._appears(waiting, hidden)
        assert waiting.cases() == ["open"]
        waiting.sweep()

        assert waiting.cases() == ["resolved"]
        assert len(waiting.charged()) == 1
        assert waiting.again(self.payment).external_id != hidden

    def test_for_one_that_is_at_the_reader_is_voided(self, waiting: Till) -> None:
        hidden = self._taken_for_absent(waiting)
        waiting.process(self.payment)
        waiting.bank.acts.append(lambda: self._appears(waiting, hidden))
        waiting.work()
        waiting.sweep()

        assert waiting.cases() == ["resolved"]
        assert len(waiting.charged()) == 1

    def test_for_one_that_was_canceled_is_voided(self, waiting: Till) -> None:
        hidden = self._taken_for_absent(waiting)
        waiting.cancel(self.payment)

        self._appears(waiting, hidden)
        self._appears(waiting, hidden)
        waiting.sweep()

        assert waiting.cases() == ["resolved"]
        assert waiting.charged() == []
        assert waiting.again(self.payment).status == "canceled"

    def test_what_was_captured_waits_for_a_click(self, waiting: Till) -> None:
        hidden = self._taken_for_absent(waiting)
        self.kept.state, self.kept.captured_minor = "succeeded", BASKET
        waiting.cancel(self.payment)

        self._appears(waiting, hidden)
        waiting.settle_down(60)

        assert waiting.cases() == ["open"]
        assert waiting.bank.calls.count("void_sale") == 1
        case = Case.objects.get()
        assert case.external_payment_id == hidden
        late_winners.refund_late_winner(case=case, cause=REQUEST, now=waiting.now)
        assert waiting.charged() == []
        assert waiting.cases() == ["resolved"]
