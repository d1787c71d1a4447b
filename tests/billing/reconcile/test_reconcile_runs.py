"""How a comparison ends: done, enough asked, not answered, broken, or lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing.drivers.stripe import calls
from billing.enums import Provider
from billing.models import Price, Reconciliation
from billing.services import projection, reconcile
from billing.services.reconcile_session import Limits
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import Scope
from orgs import clock
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import (
    HOUR,
    change_seats,
    compare,
    kinds,
    make_comparison,
    settle,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestHowItEnds:
    def test_a_provider_that_does_not_answer_fails_it_and_keeps_what_was_found(
        self, stripe: StripeSimulator, settled: Shop, short_pauses: None
    ) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        stripe.add_fault(method="GET", path="^/v1/invoices$", status=500, times=-1)

        run = compare(stripe)

        assert (run.state, run.error.split()[0]) == ("failed", "API_ERROR")
        assert run.finished_at is not None
        assert kinds(settled) == {Kind.SEATS}

    def test_leaves_one_object_out_of_which_nobody_can_tell(
        self, stripe: StripeSimulator, settled: Shop, price: Price, short_pauses: None
    ) -> None:
        other = Shop(stripe, price)
        settle(other)
        for shop in (settled, other):
            change_seats(shop)
        stripe.advance(HOUR)
        path = f"^/v1/subscriptions/{other.subscription.external_id}$"
        stripe.add_fault(method="GET", path=path, status=500, times=-1)

        run = compare(stripe)

        assert (run.state, run.postponed) == ("done", 1)
        assert kinds(settled) == {Kind.SEATS}
        assert kinds(other) == set()

    def test_gives_up_when_it_is_told_of_none(
        self, stripe: StripeSimulator, price: Price, short_pauses: None
    ) -> None:
        for _ in range(6):
            shop = Shop(stripe, price)
            settle(shop)
            change_seats(shop)
        stripe.advance(HOUR)
        stripe.add_fault(method="GET", path="^/v1/subscriptions/sub_", status=500, times=-1)

        run = compare(stripe)

        assert (run.state, run.postponed) == ("failed", 5)

    def test_a_bug_with_one_provider_hides_no_other(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = reconcile.reconcile_provider

        def broken(**given: Any) -> Any:
            if given["provider"] == Provider.CARDCONNECT:
                raise ValueError("a bug")
            return real(**given)

        monkeypatch.setattr(reconcile, "reconcile_provider", broken)

        runs = reconcile.reconcile_all(scope=Scope.RECENT, now=clock.now())

        assert {run.provider for run in runs} == {Provider.STRIPE, Provider.CUSTOM}

    def test_stops_when_it_has_asked_enough(self, stripe: StripeSimulator, settled: Shop) -> None:
        since = stripe.calls_so_far()

        run = compare(stripe, limits=Limits(calls=2, per_second=100_000))

        assert (run.state, run.error, run.calls) == ("done", "LIMIT", 2)
        assert len(stripe.requests(since)) == 2

    def test_asks_no_faster_than_it_may(
        self, stripe: StripeSimulator, settled: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr("billing.services.reconcile_session.time.sleep", waits.append)

        run = compare(stripe, limits=Limits(calls=100, per_second=0.5))

        assert len(waits) == run.calls - 1
        assert all(0 < wait <= 2 for wait in waits)

    def test_is_refused_while_one_is_under_way(self, stripe: StripeSimulator) -> None:
        make_comparison(state="running", alive_at=projection.database_now(), finished_at=None)

        with pytest.raises(reconcile.AlreadyRunning):
            compare(stripe)

        assert Reconciliation.objects.count() == 1

    def test_goes_on_beside_one_of_other_scope_or_for_one_organization(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        going_on = {"state": "running", "alive_at": projection.database_now(), "finished_at": None}
        make_comparison(scope=Scope.RECENT, **going_on)
        make_comparison(organization=settled.organization, **going_on)

        assert compare(stripe).state == "done"

    def test_takes_over_from_one_whose_process_died(self, stripe: StripeSimulator) -> None:
        died = make_comparison(
            state="running",
            alive_at=projection.database_now() - timedelta(minutes=16),
            finished_at=None,
        )

        assert compare(stripe).state == "done"

        died.refresh_from_db()
        assert died.state == "lost"

    def test_a_bug_ends_it_too(
        self, stripe: StripeSimulator, settled: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any) -> Any:
            raise ValueError("a bug")

        monkeypatch.setattr(reconcile, "examine", broken)
        change_seats(settled)
        stripe.advance(HOUR)

        with pytest.raises(ValueError, match="a bug"):
            compare(stripe)

        assert Reconciliation.objects.get().state == "failed"

    def test_all_providers_are_compared_that_say_what_they_have(
        self, stripe: StripeSimulator, settings: Any
    ) -> None:
        runs = reconcile.reconcile_all(scope=Scope.RECENT, now=clock.now())

        assert Provider.STRIPE in {run.provider for run in runs}

    @pytest.mark.django_db(transaction=True)
    def test_asks_nobody_from_within_a_transaction(
        self, stripe: StripeSimulator, settled: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        asked: list[bool] = []
        real = calls.read

        def read(ask: Any) -> Any:
            asked.append(connection.in_atomic_block)
            return real(ask)

        monkeypatch.setattr(calls, "read", read)

        compare(stripe)

        assert kinds(settled) == {Kind.SEATS}
        assert len(asked) > 5
        assert not any(asked)
