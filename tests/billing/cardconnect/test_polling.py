"""What the gateway never tells by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import accounts, budget, events, polling
from billing.drivers.cardconnect.models import AccountState, GatewayTransaction
from billing.engine.rails import ChargeOrder
from billing.enums import CaseKind, Provider
from billing.models import Case, InboxEvent, MerchantAccount
from billing.types import NormalizedEvent, Subject
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import live, order_for, rail, refund_of, save
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def order(simulator: CardPointeSimulator, org: Organization) -> ChargeOrder:
    """A charge that went through."""
    simulator.settings(close_hour=None)
    order = order_for(org, save(simulator, org).external_id)
    rail.charge(order)
    return order


def there(simulator: CardPointeSimulator) -> datetime:
    """Return the gateway's time."""
    return datetime.fromtimestamp(simulator.now(), tz=UTC)


def notices() -> list[NormalizedEvent]:
    """Return what the inbox got, in our words."""
    driver = registry.get_driver(Provider.CARDCONNECT)
    return [driver.normalize_webhook(row.payload) for row in InboxEvent.objects.order_by("pk")]


class TestSettlements:
    def test_what_was_settled_is_told_once(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        simulator.close_batches()
        now = there(simulator)

        assert polling.poll_accounts(now=now) == 1
        assert polling.poll_accounts(now=now + timedelta(hours=7)) == 0

        assert GatewayTransaction.objects.get(reference=order.reference).state == "settled"
        assert [event.type for event in notices()] == ["billing.payment.settled"]
        assert not Case.objects.exists()

    def test_what_was_rejected_becomes_a_case(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        [txn] = live(simulator, order.reference)
        simulator.settle_as(txn["retref"], "N")
        simulator.close_batches()

        polling.poll_accounts(now=there(simulator))

        assert GatewayTransaction.objects.get(reference=order.reference).state == "rejected"
        assert [event.type for event in notices()] == ["billing.payment.rejected"]
        case = Case.objects.get()
        assert (case.kind, case.external_id) == (CaseKind.NOT_SETTLED, order.reference)
        assert "$49.00" in case.summary

    def test_what_is_under_review_waits(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        [txn] = live(simulator, order.reference)
        simulator.settle_as(txn["retref"], "W")
        simulator.close_batches()

        assert polling.poll_accounts(now=there(simulator)) == 0
        assert GatewayTransaction.objects.get(reference=order.reference).state == "approved"

    def test_a_day_without_batches_is_no_trouble(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        assert polling.poll_accounts(now=there(simulator)) == 0
        answers = simulator.requests(op="settlestat")
        assert len(answers) == 2
        assert all("date" in request["fields"] for request in answers)

    def test_an_account_is_not_polled_all_the_time(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        now = there(simulator)
        polling.poll_accounts(now=now)
        polling.poll_accounts(now=now + timedelta(hours=5))

        assert len(simulator.requests(op="settlestat")) == 2

    def test_refused_credentials_stop_it(
        self, simulator: CardPointeSimulator, account: MerchantAccount, order: ChargeOrder
    ) -> None:
        simulator.add_fault("http_401", op="settlestat")
        now = there(simulator)

        polling.poll_accounts(now=now)
        before = simulator.calls_so_far()
        polling.poll_accounts(now=now + timedelta(days=1))

        assert AccountState.objects.get(account=account).broken_at is not None
        assert simulator.calls_so_far() == before


class TestChangedCards:
    @pytest.mark.parametrize(("status", "last4"), [("UPDATE", "1443"), ("EXPIRY", "1111")])
    def test_are_taken_over_and_told_to_every_payer_of_them(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        other_org: Organization,
        status: str,
        last4: str,
    ) -> None:
        method = save(simulator, org, "4111111111111111")
        save(simulator, other_org, "4111111111111111", payer="cc_cus_two")
        simulator.update_card(simulator.tokenize("4111111111111111"), status)

        assert polling.poll_accounts(now=there(simulator)) == 1

        [found] = rail.methods_of(organization_id=org.pk, payer_id="cc_cus_one")
        assert found.external_id == method.external_id
        assert found.last4 == last4
        assert (found.exp_month, found.exp_year) != (method.exp_month, method.exp_year)
        assert {(event.type, event.subject) for event in notices()} == {
            ("billing.payment_method.updated", Subject("customer", payer))
            for payer in ("cc_cus_one", "cc_cus_two")
        }

    def test_a_closed_card_stays_as_it_is(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org, "4111111111111111")
        simulator.update_card(simulator.tokenize("4111111111111111"), "CLOSED")

        polling.poll_accounts(now=there(simulator))

        assert rail.methods_of(organization_id=org.pk, payer_id="cc_cus_one") == [method]
        assert [event.type for event in notices()] == ["billing.payment_method.closed"]

    def test_the_same_news_is_none_the_second_time(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        save(simulator, org, "4111111111111111")
        simulator.update_card(simulator.tokenize("4111111111111111"), "UPDATE")
        now = there(simulator)

        assert polling.poll_accounts(now=now) == 1
        assert polling.poll_accounts(now=now + timedelta(hours=7)) == 0
        assert InboxEvent.objects.count() == 1

    def test_no_token_gets_into_a_notice(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        save(simulator, org, "4111111111111111")
        token = simulator.tokenize("4111111111111111")
        simulator.update_card(token, "UPDATE")

        polling.poll_accounts(now=there(simulator))

        stored = str([(row.external_id, row.payload) for row in InboxEvent.objects.all()])
        assert token not in stored


class TestQueuedRefunds:
    def test_one_that_was_given_back_has_its_charge_looked_at(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        charge = GatewayTransaction.objects.get(reference=order.reference)
        rail.refund_charge(refund_of(order, charge.retref, 1900))
        simulator.close_batches()

        assert polling.send_queued_refunds(now=timezone.now() + timedelta(hours=2)) == 1

        [event] = notices()
        assert event.type == "billing.refund.updated"
        assert event.subject == Subject("charge", f"cc_pay_{order.reference}")


class TestNotices:
    def test_are_due_at_once_whatever_time_an_organization_lives_in(self) -> None:
        at = timezone.now() + timedelta(days=400)

        assert events.tell("charge.settled", "ORDER", at=at)

        (row,) = InboxEvent.objects.filter(type="charge.settled")
        assert row.state == "pending"
        assert row.next_attempt_at <= timezone.now()
        assert row.payload["at"] == at.timestamp()


class TestBudget:
    def test_a_minute_has_a_limit(self, empty_redis: None) -> None:
        for _ in range(3):
            budget.spend("test", limit=3)

        with pytest.raises(DriverUnavailable) as caught:
            budget.spend("test", limit=3)

        assert caught.value.code == "RATE_LIMIT"
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after <= 60

    def test_only_the_test_hosts_count(
        self, simulator: CardPointeSimulator, account: MerchantAccount, settings: Any
    ) -> None:
        merchant = accounts.read(account)
        for _ in range(20):
            budget.take(merchant)

        settings.CARDCONNECT_API_BASE = ""
        with pytest.raises(DriverUnavailable):
            _take_often(merchant)


def _take_often(merchant: accounts.Merchant) -> None:
    for _ in range(40):
        budget.take(merchant)
