"""Sessions at readers: one at a time, ended by their own key, by force only where they are ours."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown, ReaderBusy
from billing.drivers.cardconnect.terminals import connecting, sales, sessions
from billing.drivers.cardconnect.terminals.sessions import Session
from billing.enums import AttemptKind, AttemptState, ObligationKind, Provider
from billing.models import MerchantAccount, Obligation, PaymentAttempt
from billing.types import SaleOrder
from orgs import clock
from orgs.models import Organization
from tests.billing.cardconnect.reader_steps import (
    SESSION_KEY,
    asked,
    find,
    lose,
    meanwhile,
    money_of,
    run,
    sale_for,
)
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


def attempt_at(order: SaleOrder, state: AttemptState) -> PaymentAttempt:
    """Write down a try with the order's reference."""
    debt = Obligation.objects.create(
        organization_id=order.organization_id,
        kind=ObligationKind.TERMINAL,
        amount_minor=order.amount_minor,
        currency=order.currency,
    )
    return PaymentAttempt.objects.create(
        organization_id=order.organization_id,
        obligation=debt,
        number=1,
        kind=AttemptKind.TERMINAL,
        provider=Provider.CARDCONNECT,
        our_reference=order.reference,
        state=state,
    )


def forced(simulator: CardPointeSimulator) -> list[bool]:
    """Return how sessions were asked for."""
    return [sent["force"] for sent in asked(simulator, "connect")]


class TestBusy:
    """Conformance point 16: two tills at one reader."""

    def test_the_second_is_told_and_nothing_is_forced(
        self, simulator: CardPointeSimulator, order: SaleOrder
    ) -> None:
        simulator.connect_reader(HSN)  # another system's

        with pytest.raises(ReaderBusy):
            run(order)

        assert forced(simulator)[1:] == [False]
        assert len(simulator.sessions()) == 1
        assert asked(simulator, "authCard") == []

    def test_again_and_again_nothing_is_forced(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        simulator.connect_reader(HSN)
        for _ in range(2):
            order = sale_for(org, counter)
            attempt_at(order, AttemptState.NOT_PROCESSED)
            with pytest.raises(ReaderBusy):
                run(order)

        assert forced(simulator)[1:] == [False, False]

    def test_our_own_other_till_is_not_disturbed(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        """The first one waits for its card; its session is ours, and its try is not over."""
        first, second = sale_for(org, counter), sale_for(org, counter)
        attempt_at(first, AttemptState.SENT)
        session = connecting.connect(sales.merchant_of(first), HSN, first.reference)

        with pytest.raises(ReaderBusy):
            run(second)

        assert forced(simulator) == [False, False]
        assert sessions.of_reader(counter.pk, HSN) == session
        assert len(simulator.sessions()) == 1


class TestLeftBehind:
    @pytest.mark.parametrize(
        ("state", "is_over"),
        [
            (AttemptState.CREATED, False),
            (AttemptState.SENT, False),
            (AttemptState.UNKNOWN, False),
            (AttemptState.REQUIRES_ACTION, False),
            (AttemptState.SUCCEEDED, True),
            (AttemptState.FAILED, True),
            (AttemptState.CANCELED, True),
            (AttemptState.NOT_PROCESSED, True),
        ],
    )
    def test_is_one_whose_try_is_over(
        self, order: SaleOrder, state: AttemptState, *, is_over: bool
    ) -> None:
        attempt_at(order, state)

        assert sessions.is_left_behind(sessions.asked_for(HSN, order.reference)) is is_over

    def test_is_not_one_of_a_try_that_we_do_not_know(self, db: None) -> None:
        assert not sessions.is_left_behind(sessions.asked_for(HSN, "BCDFGHJKLM"))

    def test_is_one_whose_sale_is_decided(self, order: SaleOrder) -> None:
        attempt_at(order, AttemptState.REQUIRES_ACTION)
        run(order)

        assert sessions.is_left_behind(sessions.asked_for(HSN, order.reference))

    @pytest.mark.parametrize(
        ("left", "may"),
        [
            (None, False),
            (sessions.Session(HSN, "REF", datetime(2030, 1, 1, tzinfo=UTC), SESSION_KEY), False),
            (sessions.Session(HSN, "REF", datetime(2030, 1, 1, tzinfo=UTC)), True),
        ],
        ids=["none of ours", "with its key", "without its key"],
    )
    def test_force_is_for_our_own_without_its_key(self, left: Session | None, *, may: bool) -> None:
        assert connecting.may_force(left) is may

    def test_one_with_its_key_is_ended_by_it(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        old, new = sale_for(org, counter), sale_for(org, counter)
        attempt_at(old, AttemptState.NOT_PROCESSED)
        connecting.connect(sales.merchant_of(old), HSN, old.reference)

        assert run(new).state == "succeeded"
        assert forced(simulator) == [False, False]

    def test_one_that_somebody_else_took_over_is_left_alone(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        old, new = sale_for(org, counter), sale_for(org, counter)
        attempt_at(old, AttemptState.NOT_PROCESSED)
        connecting.connect(sales.merchant_of(old), HSN, old.reference)
        simulator.connect_reader(HSN, force=True)  # another system's

        with pytest.raises(ReaderBusy):
            run(new)

        assert forced(simulator)[-1] is False

    def test_one_whose_answer_was_lost_is_ended_by_force(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        old, new = sale_for(org, counter), sale_for(org, counter)
        simulator.add_fault("drop_after", op="connect")
        with pytest.raises(DriverUnavailable):
            run(old)
        attempt_at(old, AttemptState.NOT_PROCESSED)

        assert run(new).state == "succeeded"
        assert forced(simulator) == [False, False, True]

    def test_while_its_try_is_not_over_it_is_not(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        old, new = sale_for(org, counter), sale_for(org, counter)
        simulator.add_fault("drop_after", op="connect")
        with pytest.raises(DriverUnavailable):
            run(old)
        attempt_at(old, AttemptState.SENT)

        with pytest.raises(ReaderBusy):
            run(new)

        assert forced(simulator) == [False, False]


class TestExpiry:
    """Conformance point 17: a session that ends in the middle."""

    def test_one_that_has_not_long_to_go_is_renewed_before_the_card(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        session = connecting.connect(sales.merchant_of(sale_for(org, counter)), HSN, "REF")
        short = dataclasses.replace(session, expires_at=clock.now() + timedelta(minutes=3))
        merchant = sales.merchant_of(sale_for(org, counter))

        renewed = connecting.renew(merchant, short)

        assert renewed.key != session.key
        assert connecting.renew(merchant, renewed) is renewed
        assert forced(simulator) == [False, False]

    def test_one_that_ends_before_the_card_decides_nothing_by_its_text(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        renew = connecting.renew

        def end_first(*args: Any) -> Session:
            session = renew(*args)
            simulator.advance(601)
            return session

        monkeypatch.setattr(connecting, "renew", end_first)

        with pytest.raises(OutcomeUnknown):
            run(order)

        assert money_of(simulator, order) == []
        assert find(order) is None
        monkeypatch.undo()

    def test_one_that_ends_while_the_card_is_read_changes_nothing(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def grow_old(_: Any, session: Session) -> Session:
            simulator.advance(500)
            return session

        monkeypatch.setattr(connecting, "renew", grow_old)
        simulator.script(HSN, steps=[])

        def present_late() -> None:
            simulator.await_reader(HSN)
            simulator.advance(110)
            assert simulator.sessions() == []
            simulator.act(HSN, confirm_amount=True)
            simulator.act(HSN, present="chip")

        with meanwhile(present_late):
            snapshot = run(order)

        assert snapshot.state == "succeeded"
        assert money_of(simulator, order) == [("Queued for Capture", 4900)]

    def test_a_reader_is_free_again_after_it(
        self, simulator: CardPointeSimulator, org: Organization, counter: MerchantAccount
    ) -> None:
        first = sale_for(org, counter)
        lose(simulator, first, "drop_before")
        assert len(simulator.sessions()) == 1
        simulator.advance(601)

        assert run(sale_for(org, counter)).state == "succeeded"
