"""What the gateway says of a transaction's settlement, in our words."""

import pytest
from django.utils import timezone

from billing.drivers.base import ObjectMissing
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.models import MerchantAccount
from billing.types.settlements import Settlement
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import order_for, rail, save
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.django_db

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


class TestRetrieveSettlement:
    def test_says_how_a_transaction_stands(
        self, simulator: CardPointeSimulator, charged: str, account: MerchantAccount
    ) -> None:
        reference = GatewayTransaction.objects.get().reference

        pending = driver.retrieve_settlement(account.pk, charged)
        simulator.close_batches()
        accepted = driver.retrieve_settlement(account.pk, charged)

        assert (pending.state, pending.word) == ("pending", "Queued for Capture")
        assert accepted == Settlement(
            external_id=charged,
            reference=reference,
            state="accepted",
            word="Accepted",
            amount_minor=4900,
            batch=accepted.batch,
        )

    def test_of_none_is_missing(self, account: MerchantAccount) -> None:
        with pytest.raises(ObjectMissing):
            driver.retrieve_settlement(account.pk, "999999999999")

    @pytest.mark.parametrize(
        ("letter", "state"),
        [
            ("Y", "accepted"),
            ("P", "accepted"),
            ("F", "rejected"),
            ("T", "rejected"),
            ("R", "rejected"),
            ("W", "pending"),
        ],
    )
    def test_every_letter_has_its_meaning(
        self,
        simulator: CardPointeSimulator,
        charged: str,
        account: MerchantAccount,
        letter: str,
        state: str,
    ) -> None:
        simulator.settle_as(charged, letter)
        simulator.close_batches()

        (row,) = driver.list_settlements(account.pk, timezone.now().date())

        assert (row.external_id, row.state, row.word) == (charged, state, letter)
        assert driver.retrieve_settlement(account.pk, charged).state == state
