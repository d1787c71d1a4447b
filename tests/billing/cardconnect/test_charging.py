"""Charging stored cards at the gateway."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect.models import AccountState, GatewayTransaction
from billing.engine.rails import ChargeResult, DeclineKind
from billing.models import MerchantAccount
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    MASTERCARD,
    PARTIAL,
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


class TestApprovals:
    def test_a_charge_goes_through_once(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)

        result = rail.charge(order)

        [txn] = live(simulator, order.reference)
        assert result == ChargeResult("succeeded", external_id=txn["retref"])
        assert (txn["captured"], txn["setlstat"]) == (4900, "Queued for Capture")

    def test_what_is_kept_of_it_are_the_listed_fields(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)

        result = rail.charge(order)

        row = GatewayTransaction.objects.get(reference=order.reference)
        assert (row.organization_id, row.retref) == (org.pk, result.external_id)
        assert (row.state, row.respstat, row.respproc, row.respcode) == (
            "approved",
            "A",
            "FNOR",
            "00",
        )
        assert (row.amount_minor, row.currency) == (4900, "USD")

    def test_shuffled_and_invented_fields_change_nothing(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id

        states = {rail.charge(order_for(org, method)).state for _ in range(5)}

        assert simulator.settings()["noise"] is True
        assert states == {"succeeded"}


class TestStoredCredentials:
    @pytest.mark.parametrize(
        ("change", "fields"),
        [
            (
                {"initiator": "payer", "stores_card": True},
                {"ecomind": "E", "cof": "C", "cofscheduled": "Y", "cofpermission": "Y"},
            ),
            (
                {"initiator": "payer", "is_recurring": False},
                {"ecomind": "E", "cof": "C", "cofscheduled": "N"},
            ),
            ({}, {"ecomind": "R", "cof": "M", "cofscheduled": "Y"}),
            ({"is_recurring": False}, {"ecomind": "E", "cof": "M", "cofscheduled": "N"}),
        ],
    )
    def test_say_who_began_it_and_what_it_is_for(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        change: dict[str, Any],
        fields: dict[str, str],
    ) -> None:
        order = order_for(org, save(simulator, org).external_id, **change)

        rail.charge(order)

        body = sent(simulator, "auth")[-1]
        assert {key: body[key] for key in fields} == fields
        named = {"ecomind", "cof", "cofscheduled", "cofpermission"} & set(body)
        assert named == set(fields)

    def test_a_renewal_sends_no_code_no_token_and_no_expiry(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        rail.charge(order_for(org, save(simulator, org).external_id))

        body = sent(simulator, "auth")[-1]
        assert {"cvv2", "account", "expiry"} & set(body) == set()
        assert (body["amount"], body["capture"]) == ("49.00", "Y")


class TestDeclines:
    @pytest.mark.parametrize(
        ("fault", "word", "kind"),
        [
            ({"code": "NU"}, "insufficient_funds", DeclineKind.SOFT),
            ({"code": "54"}, "expired_card", DeclineKind.FIX_DATA),
            ({"code": "05", "category": "1"}, "do_not_honor", DeclineKind.HARD),
            ({"code": "05", "advice": "R0"}, "do_not_honor", DeclineKind.STOP),
        ],
    )
    def test_are_results(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        fault: dict[str, str],
        word: str,
        kind: DeclineKind,
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("decline", **fault)

        result = rail.charge(order_for(org, method))

        assert (result.state, result.decline_code, result.decline_kind) == ("failed", word, kind)
        assert result.retry_not_before is None

    def test_the_issuers_own_wish_is_kept(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org, MASTERCARD).external_id
        simulator.add_fault("decline", code="05", advice="02")

        result = rail.charge(order_for(org, method))
        row = GatewayTransaction.objects.get(state="declined")

        assert result.retry_not_before is not None
        assert row.decided_at is not None
        wait = result.retry_not_before - row.decided_at
        assert timedelta(days=2, hours=23) < wait < timedelta(days=3, hours=1)

    def test_our_own_mistakes_are_not_the_payers(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("decline", proc="PPS", code="97")

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(org, method))

        assert (caught.value.code, caught.value.detail) == ("INVALID_REQUEST", "gateway_97")

    def test_a_part_is_taken_back_at_once(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org, PARTIAL).external_id)

        result = rail.charge(order)

        assert (result.state, result.decline_code) == ("failed", "insufficient_funds")
        assert live(simulator, order.reference) == []
        assert [t["setlstat"] for t in simulator.transactions(orderid=order.reference)] == [
            "Voided"
        ]

    def test_so_is_a_surcharge(self, simulator: CardPointeSimulator, org: Organization) -> None:
        order = order_for(org, save(simulator, org).external_id)
        simulator.add_fault("surcharge", pct=3)

        result = rail.charge(order)

        assert result.state == "failed"
        assert live(simulator, order.reference) == []

    def test_a_part_that_can_not_be_taken_back_now_is_unknown(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org, PARTIAL).external_id)
        simulator.add_fault("void_down")

        with pytest.raises(OutcomeUnknown):
            rail.charge(order)


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
        before = len(simulator.requests())
        simulator.add_fault("http_401")

        for _ in range(3):
            with pytest.raises(DriverUnavailable) as caught:
                rail.charge(order_for(org, method))
            assert caught.value.detail == "account_broken"

        assert len(simulator.requests()) == before + 1
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
        before = len(simulator.requests())

        with pytest.raises(DriverRejected) as caught:
            rail.charge(order_for(other_org, method))

        assert caught.value.detail == "no_such_method"
        assert len(simulator.requests()) == before

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
