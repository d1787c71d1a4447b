"""Sales beside the rest of the gateway's money: given back, settled, compared, told of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing, OutcomeUnknown
from billing.drivers.cardconnect import finding, polling
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionKind
from billing.enums import RefundStatus
from billing.models import InboxEvent, MerchantAccount
from billing.types import ChargeSnapshot, SaleOrder
from orgs import clock, references
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import order_for, rail, save
from tests.billing.cardconnect.reader_steps import (
    AMOUNT,
    asked,
    driver,
    find,
    money_of,
    row_of,
    run,
    sale_for,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


@pytest.fixture
def order(org: Organization, counter: MerchantAccount) -> SaleOrder:
    """A basket of 49.00 that was paid."""
    order = sale_for(org, counter)
    run(order)
    return order


def name_of(order: SaleOrder) -> str:
    return f"cc_pay_{order.reference}"


def give_back(order: SaleOrder, amount_minor: int = AMOUNT, reference: str = "") -> Any:
    reference = reference or references.new_reference()
    return driver.refund_payment(
        name_of(order),
        amount_minor=amount_minor,
        reason="requested_by_customer",
        reference=reference,
        idempotency_key=reference,
    )


def payment_of(order: SaleOrder) -> ChargeSnapshot:
    return driver.retrieve_payment(name_of(order))


class TestGivenBack:
    def test_all_of_it_before_its_day_ends_is_a_void(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        given = give_back(order)

        assert (given.status, given.amount_minor) == (RefundStatus.SUCCEEDED, AMOUNT)
        payment = payment_of(order)
        assert (payment.captured_minor, payment.refundable_minor) == (AMOUNT, 0)
        assert [row.reference for row in payment.refunds] == [given.reference]
        assert money_of(simulator, order) == []
        found = find(order)
        assert found is not None
        assert (found.state, found.captured_minor) == ("succeeded", AMOUNT)

    def test_a_part_of_it_waits_for_its_day_to_end(
        self, simulator: CardPointeSimulator, order: SaleOrder, counter: MerchantAccount
    ) -> None:
        assert give_back(order, 700).status == RefundStatus.PENDING
        simulator.close_batches()

        polling.send_queued_refunds(now=clock.now() + timedelta(hours=2))

        [given] = payment_of(order).refunds
        assert (given.status, given.amount_minor) == (RefundStatus.SUCCEEDED, 700)
        notice = InboxEvent.objects.get(type="charge.refunded")
        assert driver.retrieve_charge(notice.payload["charge"]) == payment_of(order)

    def test_a_part_of_it_later_is_a_refund(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.close_batches()

        assert give_back(order, 700).status == RefundStatus.SUCCEEDED
        assert give_back(order, 4200).status == RefundStatus.SUCCEEDED
        assert payment_of(order).refundable_minor == 0

    def test_with_the_same_reference_is_once(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.close_batches()
        reference = references.new_reference()

        first = give_back(order, 700, reference)

        assert give_back(order, 700, reference) == first
        assert len(asked(simulator, "refund")) == 1

    def test_never_more_than_was_captured(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        order = sale_for(org, counter, is_captured_at_once=False)
        run(order)
        with pytest.raises(DriverRejected, match="not_captured"):
            give_back(order, 100)
        driver.capture_sale(order, amount_minor=3000, idempotency_key="k")
        simulator.close_batches()

        with pytest.raises(DriverRejected, match="refund_too_large"):
            give_back(order, 3001)
        assert give_back(order, 3000).status == RefundStatus.SUCCEEDED

    def test_the_tip_is_given_back_as_well(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.script(HSN, "approve", tip=735, default=True)
        order = sale_for(org, counter, asks_for_tip=True)
        run(order)

        assert payment_of(order).captured_minor == AMOUNT + 735

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_without_an_answer_is_decided_by_asking(
        self,
        simulator: CardPointeSimulator,
        order: SaleOrder,
        kind: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        simulator.close_batches()
        simulator.add_fault(kind, op="refund")
        with pytest.raises(OutcomeUnknown):
            give_back(order, 700)
        if kind == "drop_before":
            with pytest.raises(DriverUnavailable, match="refund_undecided"):
                payment_of(order)
        later = clock.now() + finding.ABSENT_AFTER
        monkeypatch.setattr(clock, "now", lambda *_: later)

        assert payment_of(order).refundable_minor == (4200 if kind == "drop_after" else AMOUNT)

    def test_what_was_never_taken_can_not_be(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.script(HSN, "decline", code="05")
        order = sale_for(org, counter)
        run(order)

        assert payment_of(order).captured_minor == 0
        assert payment_of(order).external_id == ""
        with pytest.raises(DriverRejected, match="not_captured"):
            give_back(order, 100)
        with pytest.raises(ObjectMissing):
            driver.retrieve_charge(name_of(order))

    @pytest.mark.parametrize("name", ["cc_pay_BCDFG", "cc_in_1", "cu_pay_{}", "{}", ""])
    def test_only_by_its_name(self, order: SaleOrder, name: str) -> None:
        with pytest.raises(ObjectMissing):
            driver.retrieve_payment(name.format(order.reference))


class TestSettled:
    def test_what_was_captured_is_compared_and_what_is_held_is_not(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        counter: MerchantAccount,
        order: SaleOrder,
    ) -> None:
        held, part, voided = (sale_for(org, counter, is_captured_at_once=False) for _ in range(3))
        for one in (held, part, voided):
            run(one)
        driver.capture_sale(part, amount_minor=3000, idempotency_key="k")
        driver.void_sale(voided, idempotency_key="k")
        now = clock.now()

        captures = driver.unsettled_captures(
            counter.pk, since=now - timedelta(hours=1), before=now + timedelta(hours=1)
        )

        found = {one.reference: (one.kind, one.amount_minor) for one in captures}
        assert found == {order.reference: ("sale", AMOUNT), part.reference: ("sale", 3000)}
        row = row_of(held)
        assert row is not None
        assert driver.find_capture(counter.pk, row.retref) is None

    def test_a_day_is_settled_as_it_was_captured(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        counter: MerchantAccount,
        order: SaleOrder,
    ) -> None:
        part = sale_for(org, counter, is_captured_at_once=False)
        run(part)
        driver.capture_sale(part, amount_minor=3000, idempotency_key="k")
        day = simulator_day(simulator)
        simulator.close_batches()

        settled = driver.list_settlements(counter.pk, day)
        captures = driver.find_captures(counter.pk, settled)

        assert {one.reference: one.amount_minor for one in settled} == {
            one.reference: one.amount_minor for one in captures.values()
        }
        assert len(settled) == 2
        assert driver.note_settlements(counter.pk, settled, now=timezone.now()) == 2
        states = GatewayTransaction.objects.filter(kind=TransactionKind.SALE)
        assert set(states.values_list("state", flat=True)) == {"settled"}
        again = find(part)
        assert again is not None
        assert (again.state, again.captured_minor) == ("succeeded", 3000)
        row = row_of(part)
        assert row is not None
        assert row.state == "settled"

    def test_a_charge_of_a_stored_card_keeps_its_way(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        charge = rail.charge(order_for(org, save(simulator, org).external_id))

        assert charge.state == "succeeded"


def simulator_day(simulator: CardPointeSimulator) -> date:
    """Return the day by the simulator's clock."""
    return datetime.fromtimestamp(simulator.advance(0), tz=UTC).date()
