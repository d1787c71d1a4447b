"""Changes that meet trouble: lost answers, declines, other tabs, webhooks that are faster."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from billing import errors
from billing.drivers.stripe import changes as at_stripe
from billing.enums import AttemptState, CaseKind, ObligationState
from billing.models import Case, PaymentAttempt, Price, Quote, Subscription
from billing.selectors import payments
from billing.services import endings, resolve
from orgs import clock
from orgs.models import Organization
from tests.billing.change_steps import (
    change,
    change_attempt,
    change_debts,
    confirm,
    deliver_all,
    invoices_of,
    quote_for,
    subscribed,
    use_card,
)
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


@pytest.fixture
def row(organization: Organization, catalogue: dict[str, Price]) -> Subscription:
    return subscribed(organization, catalogue["starter:month"])


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


class TestRaces:
    def test_a_webhook_that_is_faster_than_the_answer(
        self,
        organization: Organization,
        row: Subscription,
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        real = at_stripe.change

        def slow(*args: Any, **kwargs: Any) -> Any:
            answer = real(*args, **kwargs)
            deliver_all(stripe, row)
            return answer

        monkeypatch.setattr(at_stripe, "change", slow)

        result = change(organization, seats=5)

        assert result.subscription.seats == 5
        assert change_attempt().state == AttemptState.SUCCEEDED
        assert Case.objects.count() == 0

    def test_two_quotes_for_one_subscription_charge_once(
        self, organization: Organization, row: Subscription, stripe: StripeSimulator
    ) -> None:
        first, second = quote_for(organization, seats=5), quote_for(organization, seats=6)
        change(organization, first)

        with pytest.raises(errors.QuoteStale):
            change(organization, second)

        assert [invoice["total"] for invoice in invoices_of(stripe, row)] == [first.total_minor]

    def test_a_change_between_the_quote_and_its_use_is_seen_under_the_lock(
        self,
        organization: Organization,
        row: Subscription,
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        quote = quote_for(organization, seats=5)
        _before(monkeypatch, "billing.services.quotes.spec_of", _set_seats(row, 9))

        with pytest.raises(errors.QuoteStale):
            change(organization, quote)

        assert invoices_of(stripe, row) == []

    def test_somebody_elses_item_between_the_look_and_the_charge_becomes_a_case(
        self,
        organization: Organization,
        row: Subscription,
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        quote = quote_for(organization, seats=5)

        def add_item() -> None:
            stripe.api(
                "POST",
                "/v1/invoiceitems",
                {
                    "customer": row.customer.external_id,
                    "subscription": row.external_id,
                    "amount": "700",
                    "currency": "usd",
                },
            ).raise_for_status()

        _before(monkeypatch, "billing.services.settlement.mark_sent", add_item)

        result = change(organization, quote)

        assert result.subscription.seats == 5
        case = Case.objects.get()
        assert case.kind == CaseKind.OTHER_AMOUNT
        assert "refund or credit the difference" in case.summary


def _set_seats(row: Subscription, seats: int) -> Callable[[], None]:
    def act() -> None:
        Subscription.objects.filter(pk=row.pk).update(seats=seats)

    return act


def _before(monkeypatch: pytest.MonkeyPatch, path: str, act: Callable[[], None]) -> None:
    """Let something happen right before a step."""
    module_name, name = path.rsplit(".", 1)
    module = __import__(module_name, fromlist=[name])
    real = getattr(module, name)

    def step(*args: Any, **kwargs: Any) -> Any:
        act()
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, step)


class TestPayersWhoMustConfirm:
    @pytest.fixture
    def asked(self, organization: Organization, row: Subscription) -> Subscription:
        use_card(organization, "pm_card_authenticationRequired")
        assert change(organization, seats=5).client_secret
        return row

    def test_confirm_and_get_what_was_quoted(
        self, asked: Subscription, stripe: StripeSimulator
    ) -> None:
        confirm(stripe)

        deliver_all(stripe, asked)

        asked.refresh_from_db()
        assert (asked.seats, asked.pending_change) == (5, None)
        assert change_attempt().state == AttemptState.SUCCEEDED

    def test_withdraw_it(self, organization: Organization, asked: Subscription) -> None:
        endings.withdraw_change(organization=organization, cause=CAUSE, now=clock.now())

        asked.refresh_from_db()
        assert (asked.seats, asked.pending_change) == (2, None)
        assert payments.open_change(asked) is None
        assert Quote.objects.get().used_at is None

    def test_withdraw_what_was_confirmed_meanwhile_and_keep_it(
        self, organization: Organization, asked: Subscription, stripe: StripeSimulator
    ) -> None:
        confirm(stripe)

        endings.withdraw_change(organization=organization, cause=CAUSE, now=clock.now())

        asked.refresh_from_db()
        assert asked.seats == 5
        assert change_attempt().state == AttemptState.SUCCEEDED


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


@pytest.mark.django_db(transaction=True)
class TestTwoTabs:
    def test_change_once(
        self, organization: Organization, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        row = subscribed(organization, catalogue["starter:month"])
        results: list[object] = []

        def tab(seats: int) -> None:
            try:
                results.append(change(organization, seats=seats))
            except errors.DomainError as error:
                results.append(error)
            finally:
                connection.close()

        tabs = [threading.Thread(target=tab, args=(seats,)) for seats in (5, 6)]
        for thread in tabs:
            thread.start()
        for thread in tabs:
            thread.join()

        refused = [one for one in results if isinstance(one, errors.DomainError)]
        assert [error.code for error in refused] in (["CONFLICT"], ["QUOTE_STALE"])
        assert len(invoices_of(stripe, row)) == 1
