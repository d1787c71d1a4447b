"""What the gateway settled, beside what we captured: rejected, other amounts, missing, unknown."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.models import AccountState, GatewayTransaction
from billing.enums import Provider
from billing.models import Difference, MerchantAccount, Reconciliation
from billing.services import reconcile
from billing.services.reconcile_session import Limits
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import Scope
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import order_for, rail, refund_of, save
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.django_db

SWIFT = Limits(calls=1000, per_second=100_000)
driver = CardConnectDriver()


@pytest.fixture(autouse=True)
def _calm(simulator: CardPointeSimulator) -> None:
    """No limit of calls, and batches that close when a test says so."""
    simulator.settings(close_hour=None, rate_limit=0)


@pytest.fixture
def charged(simulator: CardPointeSimulator, account: MerchantAccount, org: Organization) -> str:
    """A charge of 49.00 that went through; the gateway's id of it."""
    order = order_for(org, save(simulator, org).external_id)
    return rail.charge(order).external_id


def hours_later(hours: int = 1) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def compare(hours: int = 1, scope: Scope = Scope.FULL, **more: Any) -> Reconciliation:
    """Compare some hours after everything happened."""
    return reconcile.reconcile_provider(
        provider=Provider.CARDCONNECT,
        scope=scope,
        now=hours_later(hours),
        limits=SWIFT,
        **more,
    )


def found() -> list[tuple[str, str, dict[str, Any]]]:
    """Return what stands: kind, transaction, the gateway's side."""
    rows = Difference.objects.standing().filter(object_type="transaction")
    return [
        (row.kind, row.external_id.partition(":")[2], row.theirs)
        for row in rows.order_by("external_id")
    ]


def states() -> list[str]:
    return list(GatewayTransaction.objects.order_by("created_at").values_list("state", flat=True))


class TestReconcileSettlements:
    def test_finds_nothing_where_all_was_settled(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        simulator.close_batches()

        run = compare()

        assert (found(), run.state, run.error) == ([], "done", "")
        assert states() == ["settled"]
        assert GatewayTransaction.objects.get().settled_at is not None

    def test_finds_nothing_before_the_day_is_settled(self, charged: str) -> None:
        compare()

        assert found() == []
        assert states() == ["approved"]

    def test_finds_what_was_rejected(self, simulator: CardPointeSimulator, charged: str) -> None:
        simulator.settle_as(charged, "N")
        simulator.close_batches()

        compare()

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction) == (Kind.SETTLEMENT_REJECTED, charged)
        assert (theirs["state"], theirs["word"]) == ("rejected", "Rejected")
        assert states() == ["rejected"]
        compare(2)
        assert [row[0] for row in found()] == [Kind.SETTLEMENT_REJECTED]

    def test_finds_another_amount(self, simulator: CardPointeSimulator, charged: str) -> None:
        GatewayTransaction.objects.update(amount_minor=5000)
        simulator.close_batches()

        compare()

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction, theirs["amount_minor"]) == (Kind.SETTLED_AMOUNT, charged, 4900)
        assert Difference.objects.get().ours["amount_minor"] == 5000

    def test_finds_what_is_not_settled_after_two_days(self, charged: str) -> None:
        compare(47)
        assert found() == []

        compare(49)

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction) == (Kind.NOT_SETTLED, charged)
        assert theirs["word"] == "Queued for Capture"

    def test_what_is_under_review_has_its_time_too(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        simulator.settle_as(charged, "W")
        simulator.close_batches()

        compare()
        assert found() == []

        compare(49)
        assert [row[0] for row in found()] == [Kind.NOT_SETTLED]

    def test_finds_what_was_taken_back_and_settled_all_the_same(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        GatewayTransaction.objects.update(state="voided")
        simulator.close_batches()

        compare()

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction, theirs["amount_minor"]) == (Kind.SETTLED_AMOUNT, charged, 4900)
        assert Difference.objects.get().ours["amount_minor"] == 0
        assert states() == ["voided"]

    def test_finds_what_was_taken_back_at_the_gateway_alone(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        simulator.call("void", {"retref": charged})

        compare(49)

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction, theirs["state"]) == (Kind.SETTLED_AMOUNT, charged, "voided")

    def test_finds_what_the_gateway_has_never_heard_of(self, charged: str) -> None:
        GatewayTransaction.objects.update(retref="999999999999", reference="NOWHERE")

        compare(49)

        assert found() == [(Kind.NOT_SETTLED, "999999999999", {})]

    def test_finds_a_transaction_that_we_do_not_know(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        GatewayTransaction.objects.all().delete()
        simulator.close_batches()

        compare()

        [(kind, transaction, theirs)] = found()
        assert (kind, transaction) == (Kind.TRANSACTION_UNKNOWN, charged)
        assert (theirs["amount_minor"], theirs["state"]) == (4900, "accepted")
        assert Difference.objects.get().organization is None  # the platform's account

    def test_a_void_is_no_difference(
        self, simulator: CardPointeSimulator, charged: str, org: Organization
    ) -> None:
        rail.refund_charge(refund_of(_order_of(org), charged))
        simulator.close_batches()

        compare(49)

        assert found() == []
        capture = driver.find_capture(MerchantAccount.objects.get().pk, charged)
        assert capture is not None
        assert capture.amount_minor == 0

    def test_a_refund_is_settled_like_a_charge(
        self, simulator: CardPointeSimulator, charged: str, org: Organization
    ) -> None:
        simulator.close_batches()
        rail.refund_charge(refund_of(_order_of(org), charged, 1900))
        simulator.close_batches()

        compare()

        assert found() == []
        assert states() == ["settled", "settled"]

    def test_resolves_itself_once_it_is_settled(
        self, simulator: CardPointeSimulator, charged: str
    ) -> None:
        compare(49)
        simulator.close_batches()

        compare(50, Scope.RECENT)

        row = Difference.objects.get()
        assert (row.state, row.resolution) == ("resolved", "gone")

    def test_leaves_a_broken_account_alone(
        self, simulator: CardPointeSimulator, charged: str, account: MerchantAccount
    ) -> None:
        AccountState.objects.update_or_create(
            account=account, defaults={"broken_at": timezone.now()}
        )
        before = len(simulator.requests(op="settlestat"))

        assert compare(49).state == "done"

        assert len(simulator.requests(op="settlestat")) == before

    def test_waits_when_the_gateway_asks_to(
        self, charged: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr("billing.services.reconcile_session.time.sleep", waits.append)
        real = CardConnectDriver.list_settlements
        refused = DriverUnavailable("RATE_LIMIT", retry_after=7)
        answers: list[Any] = [refused]

        def limited(*arguments: Any) -> Any:
            if answers:
                raise answers.pop()
            return real(*arguments)

        monkeypatch.setattr(CardConnectDriver, "list_settlements", limited)

        assert compare().state == "done"

        assert 7 in waits

    def test_asks_always_with_a_date(self, simulator: CardPointeSimulator, charged: str) -> None:
        compare()

        asked = simulator.requests(op="settlestat")
        assert len(asked) == 5
        assert all(row["fields"]["date"] for row in asked), asked


def _order_of(org: Organization) -> Any:
    charge = GatewayTransaction.objects.get(kind="charge")
    return order_for(org, "", reference=charge.reference, amount_minor=charge.amount_minor)
