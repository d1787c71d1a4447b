"""Calls that left too late, or had been taken for absent when their answer was lost."""

from datetime import timedelta
from typing import Any

import pytest

from billing.drivers.stripe import transport
from billing.enums import AttemptKind, AttemptState, ObligationState
from billing.errors import ProviderFailed
from billing.models import Obligation, PaymentAttempt, Price, Subscription
from billing.selectors import payments
from billing.services import refund_outcome, resolve, settlement, subscribe, unanswered
from billing.types import Cause
from orgs import clock
from tests.billing.builders import make_organization
from tests.billing.invoice_event_steps import Shop
from tests.billing.refund_steps import give_back, given_at_stripe, tries
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def stand_still(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let time pass between the write-down of a try and its request."""
    mark_sent, now = settlement.mark_sent, clock.now

    def marking(**given: Any) -> bool:
        marked = mark_sent(**given)
        monkeypatch.setattr(clock, "now", lambda _=None: now() + by)
        return marked

    monkeypatch.setattr(settlement, "mark_sent", marking)


def start(price: Price) -> subscribe.Started:
    return subscribe.start_subscription(
        organization=make_organization(),
        request=subscribe.StartRequest(price=price, payment_method="pm_card_visa"),
        cause=Cause("request"),
        now=clock.now(),
    )


def begun(stripe: StripeSimulator, row: Subscription) -> int:
    """Return how many subscriptions a payer has there."""
    customer = row.customer.external_id
    return sum(found["customer"] == customer for found in stripe.objects("subscription"))


def absent_meanwhile(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Have the resolver take a try for absent while its request is on its way."""
    request = transport.PooledClient.request

    def slow(pool: Any, method: str, url: str, *given: Any, **more: Any) -> Any:
        if method.upper() == "POST" and url.endswith(path):
            for attempt in PaymentAttempt.objects.filter(state=AttemptState.SENT):
                end = refund_outcome.end if path == "/refunds" else settlement.end_attempt
                end(attempt=attempt, state=AttemptState.NOT_PROCESSED, now=clock.now())
        return request(pool, method, url, *given, **more)

    monkeypatch.setattr(transport.PooledClient, "request", slow)


class TestLeaving:
    def test_a_start_that_comes_too_late_is_not_sent(
        self,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stand_still(monkeypatch, unanswered.LEAVE_WITHIN + timedelta(seconds=1))

        with pytest.raises(ProviderFailed):
            start(catalogue["starter:month"])

        row = Subscription.objects.get()
        assert begun(stripe, row) == 0
        assert payments.latest_attempt(row).state == AttemptState.NOT_PROCESSED

    def test_one_in_time_is(
        self,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stand_still(monkeypatch, unanswered.LEAVE_WITHIN - timedelta(seconds=2))

        started = start(catalogue["starter:month"])

        assert begun(stripe, started.subscription) == 1

    def test_a_refund_that_comes_too_late_is_not_sent(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_still(monkeypatch, unanswered.LEAVE_WITHIN + timedelta(seconds=1))

        with pytest.raises(ProviderFailed):
            give_back(shop, 500)

        assert given_at_stripe(shop) == []
        assert Obligation.objects.get(kind="refund").state == ObligationState.VOID

    def test_a_try_is_as_old_as_it_is_not_as_the_work_that_led_to_it(self, shop: Shop) -> None:
        debt = Obligation.objects.filter(organization=shop.organization).latest("created_at")
        Obligation.objects.filter(pk=debt.pk).update(state=ObligationState.OPEN)
        attempt = settlement.new_attempt(obligation=debt, kind=AttemptKind.CARD, provider="stripe")
        began = clock.now() - timedelta(seconds=40)

        settlement.mark_sent(attempt=attempt, now=began, resolve_after_s=60)

        assert attempt.sent_at is not None
        assert attempt.sent_at >= began + timedelta(seconds=40)


class TestTakenForAbsent:
    def test_a_start_is_asked_about_again(
        self,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        absent_meanwhile(monkeypatch, "/v1/subscriptions")
        stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action="reset_after")

        started = start(catalogue["starter:month"])

        attempt = payments.latest_attempt(started.subscription)
        assert attempt.state == AttemptState.UNKNOWN
        assert resolve.resolve_due(now=clock.now() + timedelta(seconds=10)) == 1
        attempt.refresh_from_db()
        assert attempt.state == AttemptState.SUCCEEDED

    def test_a_refund_is_asked_about_again_and_counts_meanwhile(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        absent_meanwhile(monkeypatch, "/refunds")
        shop.stripe.add_fault(method="POST", path="/v1/refunds$", times=1, action="reset_after")

        debt = give_back(shop, 500)

        assert (debt.state, tries(debt)) == (ObligationState.OPEN, [AttemptState.UNKNOWN])
        resolve.resolve_due(now=clock.now() + timedelta(seconds=10))
        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == (ObligationState.SETTLED, [AttemptState.SUCCEEDED])
        assert given_at_stripe(shop) == [500]

    def test_not_while_something_else_is_tried(self, shop: Shop) -> None:
        debt = Obligation.objects.filter(organization=shop.organization).latest("created_at")
        late = settlement.new_attempt(obligation=debt, kind=AttemptKind.CARD, provider="stripe")
        settlement.end_attempt(attempt=late, state=AttemptState.NOT_PROCESSED, now=clock.now())
        settlement.new_attempt(obligation=debt, kind=AttemptKind.CARD, provider="stripe")

        unanswered.mark_unknown(attempt=late, resolve_after=clock.now(), now=clock.now())

        assert late.state == AttemptState.NOT_PROCESSED

    def test_what_was_decided_stays_so(self, shop: Shop) -> None:
        paid = PaymentAttempt.objects.get(organization=shop.organization)

        unanswered.mark_unknown(attempt=paid, resolve_after=clock.now(), now=clock.now())

        assert paid.state == AttemptState.SUCCEEDED
