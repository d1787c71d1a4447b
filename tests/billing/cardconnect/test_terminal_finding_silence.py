"""Sales about which nobody answers: still decided, taken once at most, and shown to a person."""

import itertools
from datetime import timedelta

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect.models import TransactionState
from billing.models import Case, MerchantAccount
from billing.types import SaleOrder
from orgs.models import Organization
from tests.billing.cardconnect.reader_steps import (
    AT_ONCE,
    CERTAIN,
    TAKEN,
    TOO_EARLY,
    find,
    lose,
    money_of,
    run,
    sale_for,
    state_of,
)
from tests.simulators.cardpointe.client import CardPointeSimulator


class TestUnheard:
    def test_nobody_answers(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        lose(simulator, order, "drop_after")
        simulator.add_fault("inquiry_down", times=2)

        for _ in range(2):
            with pytest.raises(DriverUnavailable):
                find(order)
        found = find(order)

        assert found is not None
        assert found.state == "succeeded"

    def test_a_person_looks_after_half_an_hour(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        lose(simulator, order, "drop_after")
        simulator.add_fault("inquiry_down", times=2)

        with pytest.raises(DriverUnavailable):
            find(order)
        assert not Case.objects.exists()
        with pytest.raises(DriverUnavailable):
            find(order, timedelta(minutes=31))

        assert Case.objects.filter(external_id=order.reference).exists()


class TestCuts:
    """Each call of a sale, cut before and after it was done, alone and two in a row."""

    OPS = ("terminalDetails", "connect", "authCard", "clearDisplay", "disconnect")
    CUTS = tuple(itertools.product(OPS, ("drop_before", "drop_after", "http_500", "http_502")))

    @pytest.mark.parametrize(("op", "kind"), CUTS, ids=["-".join(cut) for cut in CUTS])
    @pytest.mark.parametrize("is_asked_in_vain", [False, True], ids=["heard", "unheard"])
    def test_nothing_is_taken_twice_and_nothing_is_declined(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        counter: MerchantAccount,
        order: SaleOrder,
        op: str,
        kind: str,
        *,
        is_asked_in_vain: bool,
    ) -> None:
        if is_asked_in_vain:
            simulator.add_fault("inquiry_down")
        simulator.add_fault(kind, op=op)

        told = outcome_of(order)

        # What a till is told is what the gateway has.
        assert money_of(simulator, order) == (TAKEN if told == "succeeded" else [])
        assert told in {"succeeded", "absent", "not started"}
        if told != "succeeded":
            simulator.advance(700)
            again = sale_for(org, counter)
            assert outcome_of(again) == "succeeded"
            assert money_of(simulator, again) == TAKEN
            assert money_of(simulator, order) == []


def outcome_of(order: SaleOrder) -> str:
    """Run a sale, ask until it is decided, and return what a till is told."""
    try:
        return run(order).state
    except DriverUnavailable:
        assert state_of(order) in {"", TransactionState.ABSENT}
        return "not started"
    except OutcomeUnknown:
        pass
    for after in (AT_ONCE, TOO_EARLY, CERTAIN, CERTAIN):
        try:
            found = find(order, after)
        except (OutcomeUnknown, DriverUnavailable):
            continue
        return found.state if found else "absent"
    pytest.fail("never decided")
