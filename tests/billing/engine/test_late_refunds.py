"""A process that stood still while it gave money back: nothing is given twice, or forgotten."""

from datetime import timedelta

import pytest

from billing.drivers import leaving
from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.engine.models import EngineInvoice, EngineRefund
from billing.engine.rails import RefundOrder, RefundResult
from billing.enums import RefundStatus
from tests.billing.engine.engine_steps import MONTHLY, Clock, Shop, new_key, open_shop
from tests.billing.engine.scripted_rail import DOWN, LOST, ScriptedDriver, ScriptedRail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(clock: Clock, transactional_db: None) -> Shop:
    return open_shop(ScriptedDriver(ScriptedRail()), clock)


def refund(shop: Shop, payment: str) -> None:
    """Give some of a payment back."""
    shop.driver.refund_payment(
        payment,
        amount_minor=500,
        reason="duplicate",
        reference="r1",
        idempotency_key=new_key(),
    )


class TestRefunds:
    @pytest.fixture
    def payment(self, shop: Shop) -> str:
        shop.start()
        return EngineInvoice.objects.get().payment_id

    def give_back(self, shop: Shop, payment: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give some of it back, and have it taken for absent meanwhile."""
        give = shop.rail.refund_charge

        def slow(order: RefundOrder) -> RefundResult:
            EngineRefund.objects.update(status=RefundStatus.CANCELED, is_undecided=False)
            return give(order)

        monkeypatch.setattr(shop.rail, "refund_charge", slow)
        refund(shop, payment)

    def test_a_lost_answer_has_it_asked_about_again(
        self, shop: Shop, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.rail.refund_answers = [LOST]

        with pytest.raises(OutcomeUnknown):
            self.give_back(shop, payment, monkeypatch)

        row = EngineRefund.objects.get()
        assert (row.status, row.is_undecided) == (RefundStatus.PENDING, True)
        assert row.sent_at == shop.clock.now
        assert shop.driver.retrieve_payment(payment).refundable_minor == MONTHLY - 500

    def test_one_whose_debt_may_have_been_written_off_is_not_begun(
        self, shop: Shop, payment: str
    ) -> None:
        with leaving.by(shop.clock.now - timedelta(seconds=1)), pytest.raises(DriverUnavailable):
            refund(shop, payment)

        assert not EngineRefund.objects.exists()
        assert shop.rail.refunds == []

    def test_an_answer_after_all_counts(
        self, shop: Shop, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.give_back(shop, payment, monkeypatch)

        assert EngineRefund.objects.get().status == RefundStatus.SUCCEEDED

    def test_one_that_provably_was_not_given_stays_absent(
        self, shop: Shop, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.rail.refund_answers = [DOWN]

        with pytest.raises(DriverUnavailable):
            self.give_back(shop, payment, monkeypatch)

        assert EngineRefund.objects.get().status == RefundStatus.CANCELED
