"""What waits for an invoice when a subscription ends with its period: charged once, or credited."""

import pytest

from billing.drivers.base import DriverError
from billing.engine.models import CreditEntry, EngineInvoice
from billing.engine.models.invoices import BillingReason
from billing.engine.time_steps import Happened
from billing.enums import FactKind, InvoiceStatus, Proration, SubscriptionStatus
from billing.types import SubscriptionSnapshot
from tests.billing.engine.engine_steps import MONTHLY, Shop, new_key
from tests.billing.engine.renewal_steps import Tenant, make_policy
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST

pytestmark = pytest.mark.django_db

S = SubscriptionStatus
# The clock stands at half of a period of 28 days, so half of a price is left.
HALF = MONTHLY // 2


@pytest.fixture
def running(shop: Shop) -> SubscriptionSnapshot:
    """Three seats, paid two weeks ago."""
    return start(shop)


def start(shop: Shop) -> SubscriptionSnapshot:
    started = shop.start(seats=3)
    shop.clock.turn(days=14)
    return started


def end_with(shop: Shop, running: SubscriptionSnapshot, *, seats: int) -> None:
    """Put a change aside for the next invoice, which there is none of."""
    shop.change(running, seats=seats, proration=Proration.NEXT_INVOICE)
    end_later(shop, running.external_id)


def end_later(shop: Shop, name: str) -> None:
    shop.driver.end_at_period_end(name, reason="", comment="", idempotency_key=new_key())


def credit(shop: Shop) -> list[int]:
    rows = CreditEntry.objects.filter(payer__external_id=shop.payer).order_by("number")
    return [row.balance_minor for row in rows]


def last(shop: Shop, running: SubscriptionSnapshot) -> EngineInvoice:
    return shop.invoices(running)[-1]


class TestADebit:
    def test_is_charged_before_it_ends(self, shop: Shop, running: SubscriptionSnapshot) -> None:
        end_with(shop, running, seats=5)
        preview = shop.driver.preview_renewal(running.external_id)

        billed = shop.at_period_end(running)
        ended = shop.advance(running)

        assert [billed.happened, ended.happened] == [Happened.BILLED, Happened.ENDED]
        assert [fact.kind for fact in billed.facts] == [FactKind.PAYMENT_SUCCEEDED]
        assert ended.snapshot.status == S.CANCELED
        assert preview is not None
        assert preview.total_minor == 2 * HALF
        order = shop.rail.orders[-1]
        assert (order.amount_minor, order.initiator) == (2 * HALF, "merchant")
        invoice = last(shop, running)
        assert (invoice.billing_reason, invoice.status) == (BillingReason.END, InvoiceStatus.PAID)
        lines = ended.snapshot.latest_invoice.lines if ended.snapshot.latest_invoice else ()
        assert [line.amount_minor for line in lines] == [-3 * HALF, 5 * HALF]
        assert shop.row(running).next_action_at is None
        assert shop.driver.preview_renewal(running.external_id) is None

    def test_is_charged_once_and_nothing_after_it(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=5)
        shop.at_period_end(running)
        shop.clock.turn(days=90)

        happened = [shop.advance(running).happened for _ in range(3)]

        assert happened == [Happened.ENDED, Happened.NOTHING, Happened.NOTHING]
        assert len(shop.rail.orders) == 2

    def test_a_decline_leaves_it_open_and_ends_all_the_same(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=5)
        shop.rail.answers = [DECLINED]

        declined = shop.at_period_end(running)
        ended = shop.advance(running)

        assert [declined.happened, ended.happened] == [Happened.DECLINED, Happened.ENDED]
        assert last(shop, running).status == InvoiceStatus.OPEN
        assert shop.row(running).next_action_at is None  # nobody charges it by itself any more

    def test_an_unknown_outcome_is_asked_about_before_it_ends(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=5)
        shop.rail.answers, shop.rail.can_say = [LOST], False

        lost = shop.at_period_end(running)
        asked = shop.advance(running)
        shop.rail.can_say = True
        found, ended = shop.advance(running), shop.advance(running)

        assert [step.happened for step in (lost, asked, found, ended)] == [
            Happened.UNDECIDED,
            Happened.UNDECIDED,
            Happened.BILLED,
            Happened.ENDED,
        ]
        assert asked.snapshot.status == S.ACTIVE
        assert last(shop, running).status == InvoiceStatus.PAID
        assert len(shop.rail.orders) == 2

    def test_an_outage_is_waited_for(self, shop: Shop, running: SubscriptionSnapshot) -> None:
        end_with(shop, running, seats=5)
        shop.rail.answers = [DOWN]

        waiting = shop.at_period_end(running)
        due_at, ends = shop.row(running).next_action_at, running.current_period_end
        shop.clock.turn(minutes=15)
        charged, ended = shop.advance(running), shop.advance(running)

        assert waiting.happened is Happened.NOT_CHARGED
        assert due_at is not None
        assert ends is not None
        assert due_at > ends  # not at once again
        assert [charged.happened, ended.happened] == [Happened.BILLED, Happened.ENDED]

    def test_what_died_between_invoice_and_charge_is_charged_by_the_next_one(
        self, shop: Shop, running: SubscriptionSnapshot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        end_with(shop, running, seats=5)
        with monkeypatch.context() as patch:
            patch.setattr("billing.engine.renewing._collect", _die)
            with pytest.raises(KeyboardInterrupt):
                shop.at_period_end(running)

        charged, ended = shop.advance(running), shop.advance(running)

        assert [charged.happened, ended.happened] == [Happened.BILLED, Happened.ENDED]
        assert last(shop, running).status == InvoiceStatus.PAID

    def test_who_takes_the_end_back_pays_it_and_goes_on(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=5)
        shop.rail.answers = [DOWN]
        shop.at_period_end(running)
        shop.driver.keep_subscription(running.external_id, idempotency_key=new_key())
        shop.clock.turn(minutes=15)

        happened = [shop.advance(running).happened for _ in range(3)]

        assert happened == [Happened.BILLED, Happened.BILLED, Happened.NOTHING]
        assert sorted(order.amount_minor for order in shop.rail.orders[2:]) == [
            2 * HALF,
            5 * MONTHLY,
        ]

    def test_who_ends_it_at_once_is_not_charged(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=5)
        shop.driver.cancel_subscription(
            running.external_id, reason="", comment="", idempotency_key=new_key()
        )

        assert shop.at_period_end(running).happened is Happened.NOTHING
        assert len(shop.rail.orders) == 1

    def test_who_pays_by_invoice_gets_one(self, by_hand: Shop) -> None:
        running = start(by_hand)
        end_with(by_hand, running, seats=5)

        by_hand.at_period_end(running)
        ended = by_hand.advance(running)

        invoice = last(by_hand, running)
        assert ended.happened is Happened.ENDED
        assert (invoice.status, invoice.amount_due_minor) == (InvoiceStatus.OPEN, 2 * HALF)
        assert invoice.due_at is not None

    def test_is_waived_in_a_pause(self, shop: Shop, running: SubscriptionSnapshot) -> None:
        end_with(shop, running, seats=5)
        pause(shop, running)

        assert shop.at_period_end(running).happened is Happened.ENDED
        assert len(shop.rail.orders) == 1


class TestACredit:
    def test_stays_with_its_payer(self, shop: Shop, running: SubscriptionSnapshot) -> None:
        end_with(shop, running, seats=1)

        billed = shop.at_period_end(running)
        ended = shop.advance(running)

        assert [billed.happened, ended.happened] == [Happened.BILLED, Happened.ENDED]
        assert len(shop.rail.orders) == 1
        assert last(shop, running).total_minor == -2 * HALF
        assert credit(shop) == [2 * HALF]

    def test_stays_with_its_payer_in_a_pause(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=1)
        pause(shop, running)

        shop.at_period_end(running)

        assert shop.advance(running).happened is Happened.ENDED
        assert credit(shop) == [2 * HALF]

    def test_pays_what_the_same_payer_starts_next(
        self, shop: Shop, running: SubscriptionSnapshot
    ) -> None:
        end_with(shop, running, seats=1)
        shop.at_period_end(running)
        shop.advance(running)

        shop.start(seats=2)

        assert shop.rail.orders[-1].amount_minor == 2 * MONTHLY - 2 * HALF


class TestRunner:
    """The same through the job that runs what is due, down to billing's rows."""

    def test_charges_and_ends_in_one_run(self, tenant: Tenant) -> None:
        self._end_later(tenant)

        tenant.to_period_end()
        tenant.run()

        assert tenant.status == "canceled"
        assert [row.status for row in tenant.invoices] == ["paid", "paid"]
        assert tenant.facts == ["payment_succeeded"]

    @pytest.mark.parametrize("answers", [[DECLINED], [LOST]], ids=["declined", "lost"])
    def test_a_charge_that_failed_is_told_once_and_not_tried_again(
        self, tenant: Tenant, answers: list[DriverError]
    ) -> None:
        make_policy(tenant.row.plan_version.plan, last_notice_day=14)
        self._end_later(tenant)
        tenant.rail.answers, tenant.rail.loses_requests = [*answers, DECLINED], True

        tenant.to_period_end()
        tenant.run()
        for _ in range(20):
            tenant.run(hours=11)

        assert tenant.status == "canceled"
        assert [row.status for row in tenant.invoices] == ["paid", "open"]
        assert tenant.facts == ["payment_failed"]
        assert len(tenant.mails("payment_failed")) == 1
        assert len(tenant.rail.orders) == 1 + len(answers) + (answers == [LOST])

    def _end_later(self, tenant: Tenant) -> None:
        running = tenant.shop.driver.retrieve_subscription(tenant.seen().external_id)
        tenant.shop.clock.turn(days=14)
        tenant.shop.change(running, seats=running.seats + 2, proration=Proration.NEXT_INVOICE)
        end_later(tenant.shop, running.external_id)


def pause(shop: Shop, running: SubscriptionSnapshot) -> None:
    shop.driver.pause_subscription(running.external_id, resumes_at=None, idempotency_key=new_key())


def _die(*_: object) -> None:
    raise KeyboardInterrupt
