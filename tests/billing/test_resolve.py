"""Unknown is a state: only ever resolved by asking."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.enums import AttemptState, SubscriptionStatus
from billing.models import PaymentAttempt, Price, Subscription
from billing.selectors import payments
from billing.services import resolve, settlement, subscribe
from billing.types import Cause
from orgs import clock
from tests.billing.builders import NOW, make_organization, make_subscription
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

CAUSE = Cause("resolver")


def lose_answer(stripe: StripeSimulator, price: Price, kind: str, method: str) -> Subscription:
    """Start a subscription whose answer is lost after (or before) the provider acted."""
    stripe.add_fault(method="POST", path="/v1/subscriptions$", times=1, action=kind)
    started = subscribe.start_subscription(
        organization=make_organization(),
        request=subscribe.StartRequest(price=price, payment_method=method),
        cause=Cause("request"),
        now=clock.now(),
    )
    assert started.resolve_after is not None
    return started.subscription


def resolve_at(moment: datetime) -> int:
    return resolve.resolve_due(now=moment)


class TestFound:
    def test_what_was_paid_becomes_active(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_after", "pm_card_visa"
        )

        assert resolve_at(clock.now()) == 0
        assert resolve_at(clock.now() + timedelta(seconds=10)) == 1

        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.ACTIVE
        assert payments.latest_attempt(subscription).state == AttemptState.SUCCEEDED

    def test_what_was_declined_is_given_up(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_after", "pm_card_chargeCustomerFail"
        )

        resolve_at(clock.now() + timedelta(seconds=10))

        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.INCOMPLETE_EXPIRED
        assert payments.latest_attempt(subscription).state == AttemptState.FAILED


class TestAbsent:
    def test_stays_unknown_while_the_provider_may_still_be_working(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_before", "pm_card_visa"
        )

        resolve_at(clock.now() + timedelta(seconds=resolve.ABSENT_AFTER_S - 5))

        assert payments.latest_attempt(subscription).state == AttemptState.UNKNOWN

    def test_is_not_processed_once_it_no_longer_can_be(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_before", "pm_card_visa"
        )

        resolve_at(clock.now() + timedelta(seconds=resolve.ABSENT_AFTER_S + 5))

        assert payments.latest_attempt(subscription).state == AttemptState.NOT_PROCESSED
        subscription.refresh_from_db()
        assert subscription.status == SubscriptionStatus.INCOMPLETE


class TestNoAnswer:
    def test_is_asked_again_with_growing_pauses(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_after", "pm_card_visa"
        )
        stripe.add_fault(method="GET", path="/v1/subscriptions$", times=20, status=500)
        moment = clock.now() + timedelta(seconds=10)

        assert resolve_at(moment) == 0

        attempt = payments.latest_attempt(subscription)
        assert attempt.state == AttemptState.UNKNOWN
        assert attempt.asked == 1
        assert attempt.resolve_after == moment + timedelta(seconds=5)
        resolve_at(moment + timedelta(seconds=6))
        attempt.refresh_from_db()
        assert attempt.resolve_after == moment + timedelta(seconds=16)


class TestDeadProcess:
    def test_a_call_whose_process_died_counts_as_unknown(self, stripe: StripeSimulator) -> None:
        subscription = make_subscription()
        PaymentAttempt.objects.update(resolve_after=NOW)

        resolve_at(NOW + timedelta(seconds=1))

        assert payments.latest_attempt(subscription).state == AttemptState.UNKNOWN

    def test_a_try_that_was_never_sent_is_not_processed(self, stripe: StripeSimulator) -> None:
        subscription = make_subscription(attempt_state=AttemptState.CREATED)

        resolve_at(clock.now() + timedelta(seconds=181))

        attempt = payments.latest_attempt(subscription)
        assert attempt.state == AttemptState.NOT_PROCESSED
        sent = settlement.mark_sent(attempt=attempt, now=clock.now(), resolve_after_s=60)
        assert not sent


class TestClaim:
    def test_two_resolvers_ask_once(
        self,
        catalogue: dict[str, Price],
        stripe: StripeSimulator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        subscription = lose_answer(
            stripe, catalogue["starter:month"], "reset_after", "pm_card_visa"
        )
        attempt = payments.latest_attempt(subscription)
        later = clock.now() + timedelta(seconds=10)
        seen: list[Any] = []
        original = resolve._claim

        def racing(attempt_id: Any, now: datetime, *, force: bool) -> Any:
            if not seen:
                seen.append(original(attempt_id, now, force=force))
            return original(attempt_id, now, force=force)

        monkeypatch.setattr(resolve, "_claim", racing)

        decided = resolve.resolve_attempt(attempt_id=attempt.pk, now=later, cause=CAUSE)

        assert seen[0] is not None
        assert not decided

    def test_a_decided_one_is_left_alone(self, stripe: StripeSimulator) -> None:
        subscription = make_subscription(attempt_state=AttemptState.SUCCEEDED)
        attempt = payments.latest_attempt(subscription)

        assert not resolve.resolve_attempt(
            attempt_id=attempt.pk, now=clock.now(), cause=CAUSE, force=True
        )
