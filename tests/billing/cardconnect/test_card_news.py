"""A card that its bank replaced, asked about when a renewal is declined for its data."""

from datetime import timedelta

import pytest

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect.models import AccountState, GatewayProfile
from billing.models import MerchantAccount, PaymentAttempt
from billing.services import renewals
from orgs import clock as business_clock
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import open_shop, rail, save, sent
from tests.billing.engine.engine_steps import Clock, Shop
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")

PAN = "4111111111111111"
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(simulator: CardPointeSimulator, clock: Clock) -> Shop:
    """A payer with a card that its bank will replace."""
    return open_shop(simulator, clock, card=PAN)


def expire(simulator: CardPointeSimulator) -> str:
    """Let the bank refuse the card for its expiry from now on."""
    token = simulator.tokenize(PAN)
    simulator.turn_card(token, "54")
    return token


class TestRenewals:
    def test_are_charged_once_with_the_new_data(
        self, shop: Shop, simulator: CardPointeSimulator, clock: Clock
    ) -> None:
        running = shop.start()
        token = expire(simulator)
        clock.now = shop.row(running).current_period_end
        renewals.run_due(now=clock.now)
        simulator.update_card(token, "UPDATE")
        clock.turn(days=1, hours=1)

        renewals.run_due(now=clock.now)

        declined, paid = PaymentAttempt.objects.order_by("created_at")[1:]
        assert (declined.state, paid.state) == ("failed", "succeeded")
        orders = [body["orderid"] for body in sent(simulator, "auth")[-2:]]
        assert orders == [declined.our_reference, paid.our_reference]
        assert shop.invoices(running)[-1].status == "paid"
        renewals.run_due(now=clock.now + HOUR)
        assert PaymentAttempt.objects.count() == 3

    def test_without_news_wait_for_their_payer(
        self, shop: Shop, simulator: CardPointeSimulator, clock: Clock
    ) -> None:
        running = shop.start()
        expire(simulator)
        clock.now = shop.row(running).current_period_end

        renewals.run_due(now=clock.now)

        assert len(sent(simulator, "updater")) == 1
        assert PaymentAttempt.objects.count() == 2
        assert shop.invoices(running)[-1].status == "open"


class TestAsking:
    def test_the_same_news_count_once(
        self, simulator: CardPointeSimulator, org: Organization, clock: Clock
    ) -> None:
        method = save(simulator, org, PAN)
        simulator.update_card(simulator.tokenize(PAN), "UPDATE")

        first = rail.method_changed_at(
            organization_id=org.pk, method_id=method.external_id, now=clock.now
        )
        later = rail.method_changed_at(
            organization_id=org.pk, method_id=method.external_id, now=clock.now + 2 * HOUR
        )

        assert first == later == clock.now
        assert len(sent(simulator, "updater")) == 2

    def test_is_done_once_an_hour(
        self, simulator: CardPointeSimulator, org: Organization, clock: Clock
    ) -> None:
        method = save(simulator, org, PAN)

        for _ in range(3):
            assert not rail.method_changed_at(
                organization_id=org.pk, method_id=method.external_id, now=clock.now
            )

        assert len(sent(simulator, "updater")) == 1

    def test_an_account_that_is_not_enrolled_is_not_asked(
        self, simulator: CardPointeSimulator, org: Organization, account: MerchantAccount
    ) -> None:
        method = save(simulator, org, PAN)
        AccountState.objects.update_or_create(
            account=account, defaults={"facts": {"acctupdater": "N"}}
        )

        assert not rail.method_changed_at(
            organization_id=org.pk, method_id=method.external_id, now=business_clock.now()
        )
        assert sent(simulator, "updater") == []

    def test_another_organization_s_card_is_nobody_s(
        self, simulator: CardPointeSimulator, org: Organization, other_org: Organization
    ) -> None:
        method = save(simulator, org, PAN)
        GatewayProfile.objects.update(data_changed_at=business_clock.now())

        assert not rail.method_changed_at(
            organization_id=other_org.pk, method_id=method.external_id, now=business_clock.now()
        )

    def test_a_gateway_that_does_not_answer_is_said(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org, PAN)
        simulator.add_fault("http_500", op="updater")

        with pytest.raises(DriverUnavailable):
            rail.method_changed_at(
                organization_id=org.pk, method_id=method.external_id, now=business_clock.now()
            )
