"""Charges that had no usable answer, were never processed, or must not be sent at all."""

from typing import Any

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect.models import AccountState
from billing.engine.rails import DeclineKind
from billing.models import MerchantAccount
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    live,
    open_account,
    order_for,
    rail,
    save,
    sent,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import RPCT_MID

pytestmark = pytest.mark.usefixtures("account")


class TestNoAnswer:
    @pytest.mark.parametrize(
        "kind", ["drop_before", "drop_after", "truncate", "no_retref", "no_respstat", "http_408"]
    )
    def test_is_unknown_and_nothing_is_sent_again(
        self, simulator: CardPointeSimulator, org: Organization, kind: str
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)
        simulator.add_fault(kind)

        with pytest.raises(OutcomeUnknown):
            rail.charge(order)

        assert [body["orderid"] for body in sent(simulator, "auth")].count(order.reference) == 1

    @pytest.mark.parametrize("kind", ["http_500", "http_502", "http_503", "http_504"])
    def test_a_broken_server_may_have_charged(
        self, simulator: CardPointeSimulator, org: Organization, kind: str
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)
        simulator.add_fault(kind, commit=True)

        with pytest.raises(OutcomeUnknown):
            rail.charge(order)

        assert len(live(simulator, order.reference)) == 1

    def test_a_time_out_of_the_bank_is_a_decline_once_the_gateway_says_so(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)
        simulator.add_fault("processor_timeout")

        result = rail.charge(order)

        assert (result.state, result.decline_kind) == ("failed", DeclineKind.TRANSIENT)
        assert live(simulator, order.reference) == []

    def test_without_the_gateways_word_it_is_unknown(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("processor_timeout")
        simulator.add_fault("inquiry_down")

        with pytest.raises(OutcomeUnknown):
            rail.charge(order_for(org, method))

    def test_a_refused_connection_is_provably_not_sent(
        self, simulator: CardPointeSimulator, org: Organization, settings: Any
    ) -> None:
        method = save(simulator, org).external_id
        settings.CARDCONNECT_API_BASE = "http://127.0.0.1:9"

        with pytest.raises(DriverUnavailable) as caught:
            rail.charge(order_for(org, method))

        assert (caught.value.code, caught.value.detail) == ("API_ERROR", "not_sent")


class TestLimits:
    def test_the_limiters_429_was_not_processed(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("http_429", retry_after=12)

        with pytest.raises(DriverUnavailable) as caught:
            rail.charge(order_for(org, method))

        assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT", 12)

    def test_another_429_may_have_been(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("http_429", commit=True)

        with pytest.raises(OutcomeUnknown):
            rail.charge(order_for(org, method))


class TestRefusedCredentials:
    def test_stop_the_account_and_decline_nobody(
        self, simulator: CardPointeSimulator, org: Organization, account: MerchantAccount
    ) -> None:
        method = save(simulator, org).external_id
        before = simulator.calls_so_far()
        simulator.add_fault("http_401")

        for _ in range(3):
            with pytest.raises(DriverUnavailable) as caught:
                rail.charge(order_for(org, method))
            assert caught.value.detail == "account_broken"

        assert simulator.calls_so_far() == before + 1
        assert AccountState.objects.get(account=account).broken_at is not None

    @pytest.mark.parametrize("status", [400, 404])
    def test_a_request_that_was_wrong_is_ours(
        self, simulator: CardPointeSimulator, org: Organization, status: int
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault(f"http_{status}")

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(org, method))

        assert caught.value.code == "INVALID_REQUEST"


class TestWhoseCard:
    def test_another_organizations_card_is_never_charged(
        self, simulator: CardPointeSimulator, org: Organization, other_org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        before = simulator.calls_so_far()

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(other_org, method))

        assert caught.value.detail == "no_such_method"
        assert simulator.calls_so_far() == before

    def test_nor_is_one_that_was_removed(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        rail.forget_method(method)

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(org, method))

        assert caught.value.detail == "method_removed"

    @pytest.mark.parametrize(
        ("change", "detail"),
        [({"currency": "CAD"}, "currency"), ({"amount_minor": 0}, "amount")],
    )
    def test_an_order_must_fit_the_account(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        change: dict[str, Any],
        detail: str,
    ) -> None:
        method = save(simulator, org).external_id

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(org, method, **change))

        assert caught.value.detail == detail

    def test_the_merchant_id_is_the_accounts(
        self, simulator: CardPointeSimulator, org: Organization, account: MerchantAccount
    ) -> None:
        account.delete()
        open_account(merchid=RPCT_MID)
        order = order_for(org, save(simulator, org).external_id)

        rail.charge(order)

        assert [txn["merchid"] for txn in live(simulator, order.reference)] == [RPCT_MID]
