"""Changes that others are faster than: webhooks, another tab, a payer who must confirm first."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from billing import errors
from billing.drivers.stripe import changes as at_stripe
from billing.enums import AttemptState, CaseKind
from billing.models import Case, Price, Quote, Subscription
from billing.selectors import payments
from billing.services import endings
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Organization
from tests.billing.change_steps import (
    change,
    change_attempt,
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
            except DomainError as error:
                results.append(error)
            finally:
                connection.close()

        tabs = [threading.Thread(target=tab, args=(seats,)) for seats in (5, 6)]
        for thread in tabs:
            thread.start()
        for thread in tabs:
            thread.join()

        refused = [one for one in results if isinstance(one, DomainError)]
        assert [error.code for error in refused] in (["CONFLICT"], ["QUOTE_STALE"])
        assert len(invoices_of(stripe, row)) == 1
