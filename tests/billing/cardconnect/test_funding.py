"""Payouts, chargebacks and returns, which only funding reports tell of."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from billing.drivers import registry
from billing.drivers.base import ObjectMissing
from billing.drivers.cardconnect import disputes, events, funding, polling
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.models import (
    AccountState,
    FundingReport,
    GatewayReversal,
    GatewayTransaction,
)
from billing.enums import DisputeStatus, Provider
from billing.models import BillingEvent, Case, Customer, Dispute, InboxEvent, MerchantAccount
from billing.services import dispatch
from billing.types import CardDetails, CustomerSpec
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import VISA, open_account, order_for, rail, save
from tests.billing.engine.engine_steps import Clock, Shop, new_key
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")

DAY = timedelta(days=1)


@pytest.fixture
def charge(simulator: CardPointeSimulator, org: Organization) -> GatewayTransaction:
    """A charge of 49.00 that went through, of a subscription at the engine."""
    simulator.settings(close_hour=None)
    order = order_for(org, save(simulator, org).external_id)
    rail.charge(order)
    return GatewayTransaction.objects.get(reference=order.reference)


@pytest.fixture
def paid(simulator: CardPointeSimulator, org: Organization) -> GatewayTransaction:
    """The first charge of a subscription that billing's rows know the payer of."""
    simulator.settings(close_hour=None)
    driver = CardConnectDriver()
    spec = CustomerSpec(new_key(), str(org.pk), "pay@acme.example", "Acme")
    payer = driver.create_customer(spec, idempotency_key=new_key())
    Customer.objects.create(
        organization=org, provider=Provider.CARDCONNECT, external_id=payer, email=org.email
    )
    method = driver.attach_payment_method(
        simulator.tokenize(VISA),
        external_customer_id=payer,
        idempotency_key=new_key(),
        card=CardDetails("1230", "Joe Cardholder", "19355"),
    )
    Shop(driver, Clock(timezone.now()), org, payer, method).start()
    return GatewayTransaction.objects.get(kind="charge")


def there(simulator: CardPointeSimulator, days: int = 0) -> datetime:
    """Return the gateway's time, or some days after it."""
    return datetime.fromtimestamp(simulator.now(), tz=UTC) + days * DAY


def poll(now: datetime) -> int:
    AccountState.objects.update(polled_at=None)
    return polling.poll_accounts(now=now)


def handle() -> int:
    return dispatch.drain_inbox(now=timezone.now())


def asked(simulator: CardPointeSimulator) -> list[str]:
    return [request["fields"]["date"] for request in simulator.requests(op="funding")]


class TestChargebacks:
    def test_become_a_dispute_and_a_case_once(
        self, simulator: CardPointeSimulator, paid: GatewayTransaction, org: Organization
    ) -> None:
        simulator.charge_back(paid.retref, "C-77")

        assert poll(there(simulator)) == 1
        assert handle() == 1
        assert poll(there(simulator)) == 0
        assert handle() == 0

        row = Dispute.objects.get()
        assert (row.organization, row.status) == (org, DisputeStatus.NEEDS_RESPONSE)
        assert (row.amount_minor, row.currency) == (paid.amount_minor, "USD")
        assert row.reason == "10.4 Cardholder dispute"
        assert row.external_payment_id == f"cc_pay_{paid.reference}"
        case = Case.objects.get()
        assert (case.kind, case.external_id) == ("dispute", row.external_id)
        assert "answer at cardconnect" in case.summary
        lines = BillingEvent.objects.for_org(org).filter(type="billing.payment.disputed")
        assert [line.summary for line in lines] == ["A payment of $29.00 was disputed."]

    def test_that_are_won_are_told(
        self, simulator: CardPointeSimulator, paid: GatewayTransaction, org: Organization
    ) -> None:
        simulator.charge_back(paid.retref, "C-77")
        poll(there(simulator))
        handle()
        simulator.charge_back(paid.retref, "C-77", won=True)

        assert poll(there(simulator)) == 1
        assert handle() == 1
        assert poll(there(simulator)) == 0

        assert Dispute.objects.get().status == DisputeStatus.WON
        assert Case.objects.count() == 1
        last = BillingEvent.objects.for_org(org).order_by("sequence").last()
        assert last is not None
        assert last.summary == "The dispute over $29.00 was decided in our favour."

    def test_of_a_charge_without_a_payer_are_kept_at_the_gateway(
        self, simulator: CardPointeSimulator, charge: GatewayTransaction
    ) -> None:
        simulator.charge_back(charge.retref, "C-77")

        poll(there(simulator))

        row = GatewayReversal.objects.get()
        assert disputes.retrieve(row.external_id).external_customer_id == ""

    def test_of_somebody_else_s_charge_are_counted_and_said(
        self, simulator: CardPointeSimulator, charge: GatewayTransaction
    ) -> None:
        simulator.charge_back(charge.retref, "C-77")
        charge.delete()

        assert poll(there(simulator)) == 0

        assert not GatewayReversal.objects.exists()
        report = FundingReport.objects.get(reversals=1)
        assert report.unknown == 1
        assert not InboxEvent.objects.exists()

    def test_are_looked_up_at_their_own_account_alone(
        self,
        simulator: CardPointeSimulator,
        charge: GatewayTransaction,
        other_org: Organization,
    ) -> None:
        GatewayTransaction.objects.filter(pk=charge.pk).update(account=open_account(other_org))
        simulator.charge_back(charge.retref, "C-77")

        polling.poll_accounts(now=there(simulator))

        found = GatewayReversal.objects.all()
        assert [row.account.organization for row in found] == [other_org]

    def test_whose_teller_died_are_told_by_the_next_poll(
        self,
        simulator: CardPointeSimulator,
        paid: GatewayTransaction,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        simulator.charge_back(paid.retref, "C-77")
        with monkeypatch.context() as broken:
            broken.setattr(events, "tell", _die)
            with pytest.raises(KeyboardInterrupt):
                poll(there(simulator))

        assert poll(there(simulator)) == 1
        assert GatewayReversal.objects.count() == 1
        assert InboxEvent.objects.count() == 1


def _die(*_: object, **__: object) -> bool:
    raise KeyboardInterrupt


class TestReturns:
    def test_are_lost_at_once(
        self, simulator: CardPointeSimulator, paid: GatewayTransaction
    ) -> None:
        simulator.return_ach(paid.retref, "R01")

        assert poll(there(simulator)) == 1
        handle()
        poll(there(simulator))
        handle()

        row = Dispute.objects.get()
        assert (row.status, row.reason) == (DisputeStatus.LOST, "R01 returned by the bank")
        assert row.amount_minor == paid.amount_minor
        case = Case.objects.get()
        assert case.summary == (
            "A payment of $29.00 was taken back by the bank (R01 returned by the bank): "
            "collect it some other way, or accept it."
        )


class TestPayouts:
    def test_are_kept_with_what_was_in_them(
        self, simulator: CardPointeSimulator, charge: GatewayTransaction
    ) -> None:
        simulator.close_batches()
        simulator.advance(24 * 3600)

        poll(there(simulator))

        report = FundingReport.objects.get()
        assert (report.day, report.transactions) == (there(simulator).date(), 1)
        assert report.net_sales == "49.00"
        charge.refresh_from_db()
        assert charge.paid_out_on == report.day
        types = registry.get_driver(Provider.CARDCONNECT).normalize_webhook
        told = [types(row.payload).type for row in InboxEvent.objects.all()]
        assert "billing.payout.paid" in told

    def test_a_day_without_any_is_no_trouble(
        self, simulator: CardPointeSimulator, charge: GatewayTransaction
    ) -> None:
        assert poll(there(simulator)) == 0
        assert not FundingReport.objects.exists()


class TestDays:
    def test_a_late_report_is_read_again(
        self, simulator: CardPointeSimulator, account: MerchantAccount
    ) -> None:
        now = there(simulator)

        poll(now)

        assert asked(simulator) == [f"{now - n * DAY:%Y%m%d}" for n in range(5, -1, -1)]
        assert AccountState.objects.get().funding_read_until == now.date()

    def test_no_day_is_left_out_after_an_outage_of_ours(
        self, simulator: CardPointeSimulator, account: MerchantAccount
    ) -> None:
        simulator.settings(rate_limit=1000)
        now = there(simulator)
        AccountState.objects.create(account=account, funding_read_until=now.date() - 40 * DAY)

        for _ in range(6):
            poll(now)

        assert {f"{now - n * DAY:%Y%m%d}" for n in range(46)} == set(asked(simulator))
        assert AccountState.objects.get().funding_read_until == now.date()

    def test_a_gateway_that_does_not_answer_is_asked_for_the_same_day_again(
        self, simulator: CardPointeSimulator, account: MerchantAccount
    ) -> None:
        simulator.add_fault("http_500", op="funding")
        now = there(simulator)

        assert poll(now) == 0
        assert AccountState.objects.get().funding_read_until is None
        poll(now)
        assert AccountState.objects.get().funding_read_until == now.date()


class TestReading:
    @pytest.mark.parametrize(
        ("written", "cents"),
        [("12.34", 1234), ("-12.34", 1234), ("55014", 0), ("", 0), ("12.345", 0), ("x.y", 0)],
    )
    def test_an_amount_counts_only_where_it_says_what_it_is(self, written: str, cents: int) -> None:
        assert funding._amount({"amount": written}) == cents

    @pytest.mark.parametrize(
        ("written", "day"),
        [("20260301", date(2026, 3, 1)), ("20260231", None), ("0301", None), ("", None)],
    )
    def test_a_date_is_read_or_left(self, written: str, day: date | None) -> None:
        assert funding._date(written) == day

    def test_nothing_is_found_under_another_name(self, db: None) -> None:
        with pytest.raises(ObjectMissing):
            CardConnectDriver().retrieve_dispute("cc_dp_none")
