"""Changes whose answers get lost, or that the provider is not there for."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import errors
from billing.enums import AttemptState, ObligationState
from billing.models import PaymentAttempt, Quote, Subscription
from billing.selectors import payments
from billing.services import resolve
from orgs import clock
from orgs.models import Organization
from tests.billing.change_steps import (
    change,
    change_attempt,
    change_debts,
    deliver_all,
    invoices_of,
    quote_for,
    use_card,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


def later(seconds: int) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


class TestLostAnswers:
    def test_a_change_that_went_through_is_found(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_after")

        result = change(organization, seats=5)

        assert result.resolve_after is not None
        assert change_attempt().state == AttemptState.UNKNOWN
        assert resolve.resolve_due(now=later(10)) == 1
        assert change_attempt().state == AttemptState.SUCCEEDED
        row.refresh_from_db()
        assert row.seats == 5
        assert len(invoices_of(stripe, row)) == 1

    def test_a_change_that_never_arrived_may_be_tried_again(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(organization, seats=5)
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_before")
        assert change(organization, quote).resolve_after is not None

        assert resolve.resolve_due(now=later(10)) == 0  # it may still be on its way
        with pytest.raises(errors.ChangePending):
            change(organization, seats=6)
        assert resolve.resolve_due(now=later(100)) == 1

        assert change_attempt().state == AttemptState.NOT_PROCESSED
        assert [state for state, _ in change_debts()] == [ObligationState.VOID]
        result = change(organization, Quote.objects.get(pk=quote.pk))
        assert result.subscription.seats == 5
        assert [invoice["total"] for invoice in invoices_of(stripe, row)] == [quote.total_minor]

    def test_nothing_follows_from_an_answer_that_was_asked_for_before_what_is_known(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        quote = quote_for(organization, seats=5)
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_before")
        change(organization, quote)
        # Somebody's look began after ours, and was taken over first.
        Subscription.objects.filter(pk=row.pk).update(snapshot_at=later(60))

        assert resolve.resolve_due(now=later(100)) == 0

        assert change_attempt().state == AttemptState.UNKNOWN
        Subscription.objects.filter(pk=row.pk).update(snapshot_at=later(-60))
        assert resolve.resolve_due(now=later(200)) == 1
        assert change_attempt().state == AttemptState.NOT_PROCESSED

    def test_one_that_was_declined_behind_our_back_is_dropped(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        use_card(organization, "pm_card_chargeCustomerFail")
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_after")
        assert change(organization, seats=5).resolve_after is not None

        assert resolve.resolve_due(now=later(10)) == 1

        assert change_attempt().state == AttemptState.FAILED
        assert [invoice["status"] for invoice in invoices_of(stripe, row)] == ["void"]
        row.refresh_from_db()
        assert (row.seats, row.pending_change) == (2, None)

    def test_the_webhook_may_be_what_tells(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_after")
        change(organization, seats=5)

        deliver_all(stripe, row)

        assert change_attempt().state == AttemptState.SUCCEEDED
        assert [state for state, _ in change_debts()] == [ObligationState.SETTLED]
        row.refresh_from_db()
        assert row.seats == 5

    def test_a_process_that_died_before_it_sent_anything_blocks_nobody(
        self,
        organization: Organization,
        row: Subscription,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("billing.services.settlement.mark_sent", _die)
            with pytest.raises(KeyboardInterrupt):
                change(organization, seats=5)
        assert change_attempt().state == AttemptState.CREATED
        with pytest.raises(errors.ChangePending):
            change(organization, seats=5)
        PaymentAttempt.objects.update(created_at=later(-600))

        resolve.resolve_due(now=clock.now())

        assert change_attempt().state == AttemptState.NOT_PROCESSED
        assert change(organization, seats=5).subscription.seats == 5


def _die(**_: Any) -> bool:
    raise KeyboardInterrupt


class TestProviderDown:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/create_preview$"),
            ("GET", "/subscriptions/"),
            ("POST", "/subscriptions/"),
        ],
    )
    def test_in_any_step_changes_nothing(
        self,
        organization: Organization,
        row: Subscription,
        stripe: StripeSimulator,
        short_pauses: None,
        method: str,
        path: str,
    ) -> None:
        stripe.add_fault(method=method, path=path, status=429, times=-1)

        with pytest.raises(errors.ProviderBusy):
            change(organization, seats=5)

        stripe.clear_faults()
        row.refresh_from_db()
        assert row.seats == 2
        assert payments.open_change(row) is None
        assert change(organization, seats=5).subscription.seats == 5

    def test_while_a_declined_change_is_dropped_leaves_it_to_the_resolver(
        self,
        organization: Organization,
        row: Subscription,
        stripe: StripeSimulator,
    ) -> None:
        use_card(organization, "pm_card_chargeCustomerFail")
        stripe.add_fault(method="POST", path="/void$", status=429)

        with pytest.raises(errors.CardDeclined):
            change(organization, seats=5)

        assert [invoice["status"] for invoice in invoices_of(stripe, row)] == ["open"]
        assert resolve.resolve_due(now=later(100)) == 1
        assert [invoice["status"] for invoice in invoices_of(stripe, row)] == ["void"]
        assert payments.open_change(row) is None
