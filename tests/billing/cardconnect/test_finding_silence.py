"""What stays undecided: nobody answers, or it is we who can't ask."""

from collections.abc import Iterator

import pytest

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.engine.rails import ChargeOrder
from billing.enums import CaseKind
from billing.models import Case, MerchantAccount
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import (
    MUCH_LATER,
    find,
    live,
    lose,
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


class TestOurOwnMistakes:
    def test_are_no_decline_when_they_are_found(
        self, simulator: CardPointeSimulator, order: ChargeOrder
    ) -> None:
        simulator.add_fault("decline", proc="PPS", code="97")
        with pytest.raises(DriverRejected):
            rail.charge(order)

        assert find(order) is None

    def test_of_the_account_leave_a_charge_undecided(
        self, simulator: CardPointeSimulator, order: ChargeOrder, account: MerchantAccount
    ) -> None:
        lose(simulator, order, "drop_after")
        right = str(account.credentials)
        account.credentials = "{}"
        account.save()

        with pytest.raises(DriverUnavailable):
            find(order)

        account.credentials = right
        account.save()
        found = find(order)
        assert found is not None
        assert found.state == "succeeded"

    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
    def test_of_the_question_leave_it_undecided(
        self, simulator: CardPointeSimulator, order: ChargeOrder, status: int
    ) -> None:
        lose(simulator, order, "drop_after")
        simulator.add_fault(f"http_{status}", op="inquireByOrderid")

        with pytest.raises(DriverUnavailable):
            find(order)

        found = find(order)
        assert found is not None
        assert found.state == "succeeded"


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
