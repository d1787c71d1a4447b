"""What became of charges that nobody answered: each is decided once, and charged at most once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import voiding
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind
from billing.enums import CaseKind
from billing.models import Case
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    LATER,
    MUCH_LATER,
    PARTIAL,
    SENT_AT,
    SOON,
    live,
    order_for,
    rail,
    save,
)
from tests.factories_billing import PaymentAttemptFactory
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def order(simulator: CardPointeSimulator, org: Organization) -> ChargeOrder:
    """A renewal that is about to be charged."""
    return order_for(org, save(simulator, org).external_id)


def lose(simulator: CardPointeSimulator, order: ChargeOrder, kind: str, **fault: Any) -> None:
    """Charge, and let the answer be lost."""
    simulator.add_fault(kind, **fault)
    with pytest.raises(OutcomeUnknown):
        rail.charge(order)


def find(order: ChargeOrder, now: Any = LATER) -> ChargeResult | None:
    return rail.find_charge(order, sent_at=SENT_AT, now=now)


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


class TestNobodyAnswers:
    @pytest.fixture
    def silent(self, simulator: CardPointeSimulator, order: ChargeOrder) -> Iterator[ChargeOrder]:
        lose(simulator, order, "drop_after")
        simulator.add_fault("inquiry_down", times=-1)
        yield order
        simulator.clear_faults()

    def test_decides_nothing(self, simulator: CardPointeSimulator, silent: ChargeOrder) -> None:
        with pytest.raises(DriverUnavailable):
            find(silent)

        assert len(live(simulator, silent.reference)) == 1
        assert not Case.objects.exists()

    def test_becomes_a_case_after_half_an_hour(self, silent: ChargeOrder) -> None:
        for _ in range(2):
            with pytest.raises(DriverUnavailable):
                find(silent, MUCH_LATER)

        case = Case.objects.get()
        assert (case.kind, case.external_id) == (CaseKind.UNKNOWN_OUTCOME, silent.reference)
        assert silent.reference in case.summary

    def test_what_we_began_is_left_alone(
        self, simulator: CardPointeSimulator, silent: ChargeOrder, org: Organization
    ) -> None:
        PaymentAttemptFactory.create(organization=org, our_reference=silent.reference, asked=5)

        with pytest.raises(DriverUnavailable):
            find(silent)

        assert simulator.requests(op="voidByOrderId") == []

    def test_what_a_payer_waits_for_is_taken_back(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        order = order_for(org, method, initiator="payer", stores_card=True)
        PaymentAttemptFactory.create(organization=org, our_reference=order.reference, asked=2)
        lose(simulator, order, "drop_after")
        simulator.add_fault("inquiry_down")

        with pytest.raises(DriverUnavailable):
            find(order)

        assert live(simulator, order.reference) == []
        result = find(order)
        assert result is not None
        assert result.state == "failed"
