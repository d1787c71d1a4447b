"""What became of charges that nobody answered: each is decided once, and charged at most once."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect import voiding
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    LATER,
    PARTIAL,
    SENT_AT,
    SOON,
    find,
    live,
    lose,
    order_for,
    rail,
    save,
)
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def order(simulator: CardPointeSimulator, org: Organization) -> ChargeOrder:
    """A renewal that is about to be charged."""
    return order_for(org, save(simulator, org).external_id)


class TestProcessed:
    @pytest.mark.parametrize("now", [SOON, LATER])
    def test_is_adopted_however_early(
        self, simulator: CardPointeSimulator, order: ChargeOrder, now: Any
    ) -> None:
        lose(simulator, order, "drop_after")

        result = find(order, now)

        [txn] = live(simulator, order.reference)
        assert result == ChargeResult("succeeded", external_id=txn["retref"])

    @pytest.mark.parametrize("kind", ["truncate", "no_retref", "no_respstat"])
    def test_an_answer_that_can_not_be_read_is_asked_for_again(
        self, simulator: CardPointeSimulator, order: ChargeOrder, kind: str
    ) -> None:
        lose(simulator, order, kind)

        result = find(order)

        assert result is not None
        assert result.state == "succeeded"
        assert len(live(simulator, order.reference)) == 1

    def test_asking_twice_tells_the_same(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "drop_after")

        assert find(order) == find(order)
        assert len(live(simulator, order.reference)) == 1

    def test_several_approvals_leave_the_newest(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "drop_after")
        simulator.advance(5)
        lose(simulator, order, "drop_after")
        first, second = live(simulator, order.reference)

        result = find(order)

        assert result is not None
        assert [txn["retref"] for txn in live(simulator, order.reference)] == [result.external_id]
        assert result.external_id in {first["retref"], second["retref"]}

    def test_the_form_of_several_makes_no_difference(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        simulator.settings(orderid_answer="latest")
        lose(simulator, order, "drop_after")

        result = find(order)

        assert result is not None
        assert result.state == "succeeded"


class TestDeclined:
    def test_a_decline_without_an_answer_is_found(
        self, simulator: CardPointeSimulator, org: Organization, order: ChargeOrder
    ) -> None:
        simulator.add_fault("decline", code="NU")
        assert rail.charge(order).state == "failed"

        result = find(order, SOON)

        assert result is not None
        assert (result.state, result.decline_code) == ("failed", "insufficient_funds")

    def test_a_time_out_of_the_bank_is_transient(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        simulator.add_fault("inquiry_down")
        lose(simulator, order, "processor_timeout")

        result = find(order)

        assert result is not None
        assert (result.state, result.decline_kind) == ("failed", DeclineKind.TRANSIENT)

    def test_a_part_is_taken_back_when_it_is_found(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        order = order_for(org, save(simulator, org, PARTIAL).external_id)
        lose(simulator, order, "drop_after")

        result = find(order)

        assert result is not None
        assert (result.state, result.decline_code) == ("failed", "insufficient_funds")
        assert live(simulator, order.reference) == []


class TestAbsent:
    def test_is_not_said_too_early(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "drop_before")

        with pytest.raises(OutcomeUnknown) as caught:
            find(order, SENT_AT + timedelta(seconds=39))

        assert caught.value.detail == "too_early"
        assert simulator.requests(op="voidByOrderId") == []

    def test_is_said_after_three_voids(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "drop_before")

        assert find(order) is None
        assert len(simulator.requests(op="voidByOrderId")) == 3
        operations = [request["op"] for request in simulator.requests()]
        assert operations[-1] == "inquireByOrderid"

    def test_a_new_try_has_a_reference_of_its_own(
        self, simulator: CardPointeSimulator, org: Organization, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "drop_before")
        assert find(order) is None
        again = order_for(org, order.method_id)

        assert rail.charge(again).state == "succeeded"
        assert again.reference != order.reference
        assert live(simulator, order.reference) == []


class TestLateCommit:
    def test_a_charge_that_arrives_before_forty_seconds_is_adopted(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        lose(simulator, order, "late_commit")
        with pytest.raises(OutcomeUnknown):
            find(order, SOON)
        simulator.advance(25)

        result = find(order)

        assert result is not None
        assert result.state == "succeeded"
        assert len(live(simulator, order.reference)) == 1

    def test_one_that_arrives_while_it_is_voided_does_not_stay(
        self,
        simulator: CardPointeSimulator,
        order: ChargeOrder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        lose(simulator, order, "late_commit", seconds=60)
        real = voiding.void_all

        def commit_first(*args: Any) -> None:
            simulator.advance(61)
            real(*args)

        monkeypatch.setattr(voiding, "void_all", commit_first)

        result = find(order)

        assert result is not None
        assert (result.state, result.decline_kind) == ("failed", DeclineKind.TRANSIENT)
        assert live(simulator, order.reference) == []
