"""Declines at a reader: they hold nothing, and another try is one of its own."""

import dataclasses

import pytest

from billing.drivers.base import DriverRejected
from billing.models import MerchantAccount
from billing.types import SaleOrder
from orgs.models import Organization
from tests.billing.cardconnect.reader_steps import AMOUNT, find, lose, money_of, run, sale_for
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


class TestDeclined:
    def test_holds_nothing(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "decline", code="NU")

        snapshot = run(order)

        assert (snapshot.state, snapshot.decline_code) == ("declined", "insufficient_funds")
        assert (snapshot.authorized_minor, snapshot.captured_minor) == (0, 0)
        assert money_of(simulator, order) == []

    def test_is_found_as_it_was(self, simulator: CardPointeSimulator, order: SaleOrder) -> None:
        simulator.script(HSN, "decline", code="NU")
        snapshot = run(order)

        found = find(order)

        assert found is not None
        assert (found.state, found.decline_code) == (snapshot.state, snapshot.decline_code)

    def test_what_is_ours_to_repair_is_no_decline(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.script(HSN, "decline", code="03")

        with pytest.raises(DriverRejected, match="gateway_03"):
            run(order)

    def test_a_time_out_of_the_bank_is_looked_at_once_and_over(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.add_fault("b_code", op="authCard", proc="PPS", code="62")

        snapshot = run(order)

        assert snapshot.state == "declined"
        assert len(simulator.requests(op="inquireByOrderid")) == 1
        assert money_of(simulator, order) == []


class TestAgain:
    def test_after_a_decline_another_try_is_one_of_its_own(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.script(HSN, "decline", code="NU")
        first = sale_for(org, counter)
        declined = run(first)
        again = sale_for(org, counter, external_id=declined.external_id)

        paid = run(again)

        assert (paid.state, paid.external_id) == ("succeeded", f"cc_pay_{again.reference}")
        assert money_of(simulator, first) == []
        assert money_of(simulator, again) == [("Queued for Capture", AMOUNT)]

    def test_a_try_is_asked_about_by_itself_though_another_one_paid(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        first = sale_for(org, counter)
        lose(simulator, first, "drop_after")
        simulator.advance(601)
        paid = run(sale_for(org, counter))

        found = find(dataclasses.replace(first, external_id=paid.external_id))

        assert found is not None
        assert found.external_id == f"cc_pay_{first.reference}"
