"""The hourly comparison, what it leaves alone, and one organization's."""

from datetime import timedelta
from typing import Any

import pytest

from billing.enums import AttemptState, InboxState, Provider
from billing.models import (
    Customer,
    Difference,
    InboxEvent,
    PaymentAttempt,
    Price,
    Subscription,
)
from billing.services import reconcile_look
from billing.services.reconcile_session import Limits
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import Scope
from tests.billing.dispatch_steps import drain
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import (
    HOUR,
    change_seats,
    compare,
    kinds,
    make_comparison,
    settle,
    standing,
    virtual_now,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestRecent:
    def test_finds_what_a_lost_event_was_about(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        compare(stripe, Scope.RECENT)
        change_seats(settled)
        (lost,) = settled.news()
        stripe.advance(HOUR)

        compare(stripe, Scope.RECENT)

        assert standing(settled) == {
            (Kind.SEATS, settled.subscription.external_id): "open",
            (Kind.EVENT_MISSED, lost["id"]): "open",
        }

    def test_looks_first_at_what_we_were_not_told(
        self, stripe: StripeSimulator, settled: Shop, price: Price
    ) -> None:
        change_seats(settled)
        assert len(settled.news()) == 1  # and it never reaches us
        other = Shop(stripe, price)
        settle(other)
        # One page of events, the look at the event and its repetition, then the subscription's.
        limits = Limits(calls=6, per_second=100_000)

        run = compare(stripe, Scope.RECENT, limits)

        assert run.error == "LIMIT"
        assert kinds(settled) == {Kind.EVENT_MISSED, Kind.SEATS}

    def test_finds_nothing_where_every_event_was_handled(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        change_seats(settled)
        settled.deliver(*settled.news())
        stripe.advance(HOUR)

        compare(stripe, Scope.RECENT)

        assert standing(settled) == {}

    def test_resolves_what_is_gone(self, stripe: StripeSimulator, settled: Shop) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        compare(stripe, Scope.FULL)
        assert kinds(settled) == {Kind.SEATS}
        settled.deliver(*settled.news())
        stripe.advance(HOUR)

        compare(stripe, Scope.RECENT)

        row = Difference.objects.get(organization=settled.organization)
        assert (row.state, row.resolution) == ("resolved", "gone")

    def test_goes_back_to_a_little_before_the_last_one(self, stripe: StripeSimulator) -> None:
        now = virtual_now(stripe)
        make_comparison(started_at=now - timedelta(hours=2))
        make_comparison(started_at=now - timedelta(hours=1), state="failed")

        run = compare(stripe, Scope.RECENT)

        assert run.covers_since == now - timedelta(hours=2, minutes=15)

    def test_goes_back_no_further_than_the_provider_remembers(
        self, stripe: StripeSimulator
    ) -> None:
        now = virtual_now(stripe)
        make_comparison(started_at=now - timedelta(days=90))

        run = compare(stripe, Scope.RECENT)

        assert run.covers_since == run.started_at - timedelta(days=30)

    def test_adopting_by_the_inbox_resolves_an_event(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        compare(stripe, Scope.RECENT)
        change_seats(settled)
        stripe.advance(HOUR)
        compare(stripe, Scope.RECENT)
        assert Kind.EVENT_MISSED in kinds(settled)
        settled.deliver(*settled.news())
        drain()
        stripe.advance(HOUR)

        compare(stripe, Scope.RECENT)

        assert standing(settled) == {}


class TestWhatIsLeftAlone:
    def test_what_changed_at_the_provider_a_moment_ago(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        change_seats(settled)

        run = compare(stripe)

        assert standing(settled) == {}
        assert run.postponed == 1

    def test_what_changed_here_a_moment_ago(self, stripe: StripeSimulator, settled: Shop) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        Subscription.objects.filter(pk=settled.subscription.pk).update(
            updated_at=virtual_now(stripe) - timedelta(seconds=30)
        )

        assert compare(stripe).postponed == 1
        assert standing(settled) == {}

    def test_what_an_event_in_the_inbox_will_change(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        change_seats(settled)
        (event,) = settled.news()
        stripe.advance(HOUR)
        waiting = InboxEvent.objects.create(
            provider=Provider.STRIPE,
            external_id=event["id"],
            type=event["type"],
            payload=event,
            state=InboxState.PENDING,
        )

        assert compare(stripe).postponed == 1
        assert standing(settled) == {}

        InboxEvent.objects.filter(pk=waiting.pk).update(state=InboxState.DEAD)
        compare(stripe)
        assert kinds(settled) == {Kind.SEATS}

    def test_what_a_call_of_ours_is_about(self, stripe: StripeSimulator, settled: Shop) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        PaymentAttempt.objects.filter(organization=settled.organization).update(
            state=AttemptState.UNKNOWN, sent_at=virtual_now(stripe)
        )

        assert compare(stripe).postponed == 1
        assert standing(settled) == {}

    def test_what_looked_different_only_once(
        self, stripe: StripeSimulator, settled: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change_seats(settled)
        stripe.advance(HOUR)
        looks: list[str] = []
        real = reconcile_look.look_at

        def look_at(session: Any, subject: Any) -> Any:
            looks.append(subject.external_id)
            if looks.count(settled.subscription.external_id) == 2:
                Subscription.objects.filter(pk=settled.subscription.pk).update(seats=7)
            return real(session, subject)

        monkeypatch.setattr(reconcile_look, "look_at", look_at)

        run = compare(stripe)

        assert looks.count(settled.subscription.external_id) == 2
        assert (standing(settled), run.found) == ({}, 0)

    def test_what_belongs_to_nobody_of_ours(self, stripe: StripeSimulator, settled: Shop) -> None:
        Customer.objects.filter(external_id=settled.customer).update(external_id="cus_other")
        Subscription.objects.filter(pk=settled.subscription.pk).update(external_id="")

        compare(stripe)

        assert not Difference.objects.filter(external_id=settled.subscription.external_id).exists()
        # Our payer, of whom the provider has never heard by that name.
        assert standing(settled) == {(Kind.CUSTOMER_MISSING, "cus_other"): "open"}


class TestOneOrganization:
    def test_finds_its_drift_and_leaves_the_others(
        self, stripe: StripeSimulator, settled: Shop, price: Price
    ) -> None:
        other = Shop(stripe, price)
        settle(other)
        change_seats(settled)
        change_seats(other)
        stripe.advance(HOUR)

        compare(stripe, organization=settled.organization)

        assert kinds(settled) == {Kind.SEATS}
        assert standing(other) == {}

    def test_leaves_the_mark_of_the_hourly_comparison_where_it_was(
        self, stripe: StripeSimulator, settled: Shop
    ) -> None:
        compare(stripe, organization=settled.organization)

        run = compare(stripe, Scope.RECENT)

        assert run.covers_since == run.started_at - timedelta(days=1)
