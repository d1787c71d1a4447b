"""Charging stored cards at the gateway."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, OutcomeUnknown
from billing.drivers.cardconnect.models import GatewayTransaction
from billing.engine.rails import ChargeResult, DeclineKind
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    MASTERCARD,
    PARTIAL,
    live,
    order_for,
    rail,
    save,
    sent,
)
from tests.simulators.cardpointe.client import CardPointeSimulator

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
